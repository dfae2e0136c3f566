#ifndef HOLDFAST_GATEWAY_SERVER_LINE_OUTPUT_H_
#define HOLDFAST_GATEWAY_SERVER_LINE_OUTPUT_H_

#include <cstddef>
#include <optional>
#include <string_view>

#include "pool/net/clock.h"
#include "pool/net/socket.h"

namespace holdfast::server {

// How many bytes of `text` the next write takes: as many whole lines as fit into `limit`, or the
// first `limit` bytes of a line that does not fit.
size_t NextPiece(std::string_view text, size_t limit);

// Writes lines to a descriptor to which others may write as well: another log of this process, or
// the process that takes over from it. A line of at most PIPE_BUF bytes reaches a pipe in one
// piece, and the writer gives up only at a line's end, so that no line is ever torn.
//
// One thread, except for Interrupt. The caller owns the descriptor.
class LineOutput {
 public:
  // How much time an interrupted writer has left, in all.
  static constexpr pool::Duration kLastPatience = std::chrono::seconds(1);

  explicit LineOutput(const pool::Clock* clock);

  // Sends lines to `fd` from now on.
  void SetTarget(int fd);
  // Writes whole lines. It waits for a reader as long as that takes, unless it is interrupted.
  // False: not all lines were written, because the target failed or the patience ended.
  bool Write(std::string_view lines);

  // From any thread: the write under way, and those that follow until Resume, have kLastPatience.
  void Interrupt();
  // Ends one Interrupt.
  void Resume();

 private:
  ssize_t WriteNow(std::string_view piece);
  // False when an interrupted wait has run out of patience.
  bool AwaitRoom();

  const pool::Clock* clock_;
  int fd_ = -1;
  bool may_wait_ = true;     // a pipe, a socket or a terminal, whose reader may have stopped
  bool has_nowait_ = false;  // writes to it can be told not to wait
  bool torn_ = false;        // the last line broke off in its middle
  // Counts the interruptions that have not been resumed (an eventfd).
  pool::FileDescriptor interrupts_;
  std::optional<pool::TimePoint> give_up_at_;  // while interrupted
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_LINE_OUTPUT_H_
