#ifndef HOLDFAST_TESTS_POOL_NET_RECORD_SCRIPT_H_
#define HOLDFAST_TESTS_POOL_NET_RECORD_SCRIPT_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "tests/pool/net/record_transport.h"
#include "tests/pool/net/transport_script.h"

namespace holdfast::pool {

// The peer of a RecordTransport.
class RecordScript final : public TransportScript {
 public:
  using Type = RecordTransport::Type;

  // `server`: what is tested is.
  explicit RecordScript(bool server) : server_(server) {}

  std::unique_ptr<Transport> Make(FileDescriptor socket) override {
    return std::make_unique<RecordTransport>(std::move(socket), server_);
  }
  std::string Hello() override { return server_ ? RecordTransport::Record(Type::kHello) : ""; }
  std::string Answer(std::string_view received) override {
    heard_ += received;
    if (established_ || heard_.empty()) return {};
    if (server_) {
      established_ = heard_.starts_with(RecordTransport::Record(Type::kHello));
      return established_ ? RecordTransport::Record(Type::kFinished) : "";
    }
    established_ = heard_.ends_with(RecordTransport::Record(Type::kFinished));
    return std::exchange(greeted_, true) ? "" : RecordTransport::Record(Type::kHello);
  }
  bool established() const override { return established_; }
  std::string Nonsense() const override { return RecordTransport::Record(Type::kData, "hello?"); }
  std::string_view nonsense_word() const override { return "unexpected_record"; }
  std::string Data(std::string_view payload) override {
    return RecordTransport::Record(Type::kData, payload);
  }
  std::string Aside() override { return RecordTransport::Record(Type::kTicket, "keep this"); }
  std::string End() override { return RecordTransport::Record(Type::kEnd); }
  std::string Question() override { return RecordTransport::Record(Type::kQuestion); }
  bool answers_come_first() const override { return true; }
  std::string EarlyAside() override { return Aside(); }
  bool heard_end() const override { return heard_.ends_with(RecordTransport::Record(Type::kEnd)); }
  size_t record_overhead() const override { return RecordTransport::kHeaderBytes; }

 private:
  const bool server_;
  bool greeted_ = false;
  bool established_ = false;
  std::string heard_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_TESTS_POOL_NET_RECORD_SCRIPT_H_
