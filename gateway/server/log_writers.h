#ifndef HOLDFAST_GATEWAY_SERVER_LOG_WRITERS_H_
#define HOLDFAST_GATEWAY_SERVER_LOG_WRITERS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>

#include "gateway/config/access_log.h"
#include "gateway/server/log_writer.h"
#include "pool/net/clock.h"

namespace holdfast::server {

// The writers of the access log: one for each target, so that one that is slow holds up no other.
// A target keeps its writer over reloads; one that a reload has dropped is kept until every worker
// has handed over the last lines for it.
//
// The main thread constructs and destroys it and calls everything but Write, which is for any
// thread that knows of a writer by a publication. Destruction is LogWriter's, of all at once.
class LogWriters {
 public:
  // Twice what a file has: a reload may change all of them.
  static constexpr size_t kMaxWriters = 2 * config::kMaxAccessLogs;

  explicit LogWriters(const pool::Clock* clock) : clock_(clock) {}
  ~LogWriters();
  LogWriters(const LogWriters&) = delete;
  LogWriters& operator=(const LogWriters&) = delete;

  // Opens the targets for the publication with this number and tells each its writer. Those that
  // are open already are opened anew under their names. An error names the target; then those of
  // before stay in use.
  absl::Status Open(std::vector<config::AccessLog>* targets, uint64_t publication);
  // Every worker has adopted it: what it has dropped is closed.
  void OnAdopted(uint64_t publication);
  // As LogWriter does it, of all that are in use; the first error, after each was tried.
  absl::Status Reopen();
  // As LogWriter::Write.
  void Write(uint32_t writer, std::string batch, std::function<void(bool written)> done);

 private:
  struct Slot {
    std::unique_ptr<LogWriter> writer;
    std::string target;         // a path, or the word for a stream; empty: it is free
    bool in_use = false;        // of the targets opened last
    uint64_t dropped_with = 0;  // unless in use: the first publication that is without it
  };

  // The one that has the target; else a free one; else null.
  Slot* SlotFor(const std::string& target);

  const pool::Clock* clock_;
  std::array<Slot, kMaxWriters> slots_;
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_LOG_WRITERS_H_
