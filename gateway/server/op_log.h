#ifndef HOLDFAST_GATEWAY_SERVER_OP_LOG_H_
#define HOLDFAST_GATEWAY_SERVER_OP_LOG_H_

#include <string_view>

namespace holdfast::server {

// The operator's log: one line on standard error for each thing worth knowing, with the time (UTC)
// and its gravity. A thread of its own writes the lines from a bounded queue, so that a reader that
// has stopped reading holds nobody up; a full queue drops its oldest lines.
//
// The main thread calls StartOpLog once, before it starts other threads. StopOpLog writes the
// queued lines and gives a reader that has stopped reading LineOutput::kLastPatience. Before and
// after that, lines are written at once.
void StartOpLog();
void StopOpLog();

void LogInfo(std::string_view line);
void LogWarning(std::string_view line);
void LogError(std::string_view line);

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_OP_LOG_H_
