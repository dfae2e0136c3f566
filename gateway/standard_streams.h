#ifndef HOLDFAST_GATEWAY_STANDARD_STREAMS_H_
#define HOLDFAST_GATEWAY_STANDARD_STREAMS_H_

namespace holdfast {

// Opens /dev/null for each of the descriptors 0, 1 and 2 that the process was started without.
// Otherwise the next socket would get that number, and a log line written to "standard error"
// would reach a client. Call it before anything else is opened. Ends the process (exit code 1) if
// the numbers cannot be taken: nobody could be told.
void OpenStandardStreams();

}  // namespace holdfast

#endif  // HOLDFAST_GATEWAY_STANDARD_STREAMS_H_
