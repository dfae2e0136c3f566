#ifndef HOLDFAST_GATEWAY_PROXY_RESPONSE_ENCODING_H_
#define HOLDFAST_GATEWAY_PROXY_RESPONSE_ENCODING_H_

#include <cstddef>
#include <memory>
#include <string>

#include "gateway/compression/coding.h"
#include "gateway/compression/encoder_supply.h"
#include "gateway/compression/time_budget.h"
#include "gateway/http/message.h"
#include "gateway/proxy/context.h"
#include "gateway/route/route_table.h"
#include "gateway/stream/stream.h"

namespace holdfast::proxy {

// What the encodings of one worker share. One thread.
struct EncodingMeans {
  static constexpr size_t kMaxBytes = size_t{32} << 20;  // of all encoders

  compression::EncoderSupply encoders{kMaxBytes};
  compression::TimeBudget time;
};

// The body of one response on its way to a client, made smaller where its route says so and its
// client takes it. A member of its exchange; loop thread.
class ResponseEncoding {
 public:
  explicit ResponseEncoding(WorkerContext* context) : context_(context) {}
  ~ResponseEncoding() { Clear(); }
  ResponseEncoding(const ResponseEncoding&) = delete;
  ResponseEncoding& operator=(const ResponseEncoding&) = delete;

  // What the client takes, by its request as it came. The route, which has rules, outlives Clear.
  void Begin(const route::Route& route, const http::RequestHead& request);
  bool begun() const { return route_ != nullptr; }
  // Decides, and changes a final head that is complete but for that.
  void Decide(const http::RequestHead& request, http::ResponseHead* response);
  // From here on bodies go through here.
  bool active() const { return encoder_ != nullptr; }

  // As Encoder has them, to the client. False: there is no memory, and the body cannot be
  // completed.
  [[nodiscard]] bool Send(pool::Buffer& from, size_t bytes, stream::ServerStream* to);
  [[nodiscard]] bool Flush(stream::ServerStream* to);
  [[nodiscard]] bool Finish(http::HeaderList* trailers, stream::ServerStream* to);
  // Something was given that no flush has followed.
  bool unflushed() const { return active() && encoder_->unflushed(); }
  void Clear();

 private:
  template <class Function>
  bool Run(stream::ServerStream* to, Function function);

  WorkerContext* context_;
  const route::Route* route_ = nullptr;  // null: it encodes nothing
  compression::Acceptance accepted_;
  std::unique_ptr<compression::Encoder> encoder_;
  std::string text_;  // of the head
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_RESPONSE_ENCODING_H_
