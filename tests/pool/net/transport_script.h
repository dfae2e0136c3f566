#ifndef HOLDFAST_TESTS_POOL_NET_TRANSPORT_SCRIPT_H_
#define HOLDFAST_TESTS_POOL_NET_TRANSPORT_SCRIPT_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "pool/net/socket.h"
#include "pool/net/transport.h"

namespace holdfast::pool {

// A transport that is not the socket itself, and the peer of one connection over it, who says what
// the test wants. It has no socket: its bytes are to be sent whole, in pieces or not at all, but in
// the order in which they were made.
class TransportScript {
 public:
  virtual ~TransportScript() = default;
  // What is tested, over our end.
  virtual std::unique_ptr<Transport> Make(FileDescriptor socket) = 0;

  // What the peer says first; empty: it waits for us.
  virtual std::string Hello() = 0;
  // Takes what we have sent; returns what it says to that.
  virtual std::string Answer(std::string_view received) = 0;
  // It has heard all that it needs to be established, too.
  virtual bool established() const = 0;
  // What it says instead of anything sensible, and the word for that.
  virtual std::string Nonsense() const = 0;
  virtual std::string_view nonsense_word() const = 0;

  // Once it is established: records of data, of what is nobody's data, its end.
  virtual std::string Data(std::string_view payload) = 0;
  virtual std::string Aside() = 0;
  virtual std::string End() = 0;
  // What we have to answer, and whether we read nothing further before that has left.
  virtual std::string Question() = 0;
  virtual bool answers_come_first() const = 0;
  // What is nobody's data, right behind the answer to our first words; empty where that can't be.
  virtual std::string EarlyAside() = 0;

  // We have said our end.
  virtual bool heard_end() const = 0;
  // What a small record of ours costs besides its payload.
  virtual size_t record_overhead() const = 0;
};

enum class ScriptKind { kRecords, kTls };

}  // namespace holdfast::pool

#endif  // HOLDFAST_TESTS_POOL_NET_TRANSPORT_SCRIPT_H_
