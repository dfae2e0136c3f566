#ifndef HOLDFAST_GATEWAY_SERVER_OP_LOG_H_
#define HOLDFAST_GATEWAY_SERVER_OP_LOG_H_

#include <string_view>

namespace holdfast::server {

// The operator's log: one line on standard error for each thing worth knowing, with the time (UTC)
// and its gravity. Written by a thread of its own from a bounded queue, so that a reader that has
// stopped reading holds nobody up; when the queue is full the oldest lines go.
//
// StartOpLog once, on the main thread, before other threads; StopOpLog writes what is queued, for
// which a reader that has stopped reading has LineOutput::kLastPatience. Before and after that
// lines are written at once.
void StartOpLog();
void StopOpLog();

void LogInfo(std::string_view line);
void LogWarning(std::string_view line);
void LogError(std::string_view line);

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_OP_LOG_H_
