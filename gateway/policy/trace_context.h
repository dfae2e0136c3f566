#ifndef HOLDFAST_GATEWAY_POLICY_TRACE_CONTEXT_H_
#define HOLDFAST_GATEWAY_POLICY_TRACE_CONTEXT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/policy/request_id.h"

namespace holdfast::policy {

// The fields of W3C Trace Context (https://www.w3.org/TR/trace-context/).
inline constexpr std::string_view kTraceparent = "traceparent";
inline constexpr std::string_view kTracestate = "tracestate";

// The trace's id (32 digits) within a traceparent, or empty where the value breaks section 3.2: two
// digits of a version that is not ff, the ids of the trace and of the parent, neither of which is
// all zeros, and two digits of flags, in lower case with dashes between them. What a later version
// than 00 appends behind one more dash is not looked at. Pure; the answer points into `value`.
std::string_view TraceIdOf(std::string_view value);

// Of a traceparent in which TraceIdOf finds an id: who the parent is (16 digits), and whether the
// trace is recorded.
std::string_view ParentIdOf(std::string_view value);
bool IsSampled(std::string_view value);

// What all tracestate fields of a request may have together. More is dropped as a whole: section
// 3.3.1.5 asks for 512 bytes at least, and of what is left out nobody could tell.
inline constexpr size_t kMaxTracestateBytes = 1024;
inline constexpr int kMaxTracestateMembers = 32;

// Whether the value of a tracestate field is a list as section 3.3.1 has it; `*members` becomes
// higher by how many it has. Names that are there twice are not looked for. Pure.
bool IsTracestate(std::string_view value, int* members);

// A traceparent of version 00.
using TraceparentText = std::array<char, 55>;

// The first word of a new trace. Its ids are random; `sampled` asks all who see it to record it.
TraceparentText StartTrace(bool sampled, RequestIdSource* source);

// The next word of a trace, of which TraceIdOf finds the id: with a new parent, as of somebody who
// takes part in it (section 3.4). Of the flags those stay that version 00 or its successor's draft
// knows: sampled and random.
TraceparentText ContinueTrace(std::string_view value, RequestIdSource* source);

}  // namespace holdfast::policy

#endif  // HOLDFAST_GATEWAY_POLICY_TRACE_CONTEXT_H_
