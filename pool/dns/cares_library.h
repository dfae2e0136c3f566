#ifndef HOLDFAST_POOL_DNS_CARES_LIBRARY_H_
#define HOLDFAST_POOL_DNS_CARES_LIBRARY_H_

namespace holdfast::pool {

// Readies c-ares, before anything else of it is used, for the rest of the process's life. The
// library counts its users without a lock; here it is counted once, whichever threads come first.
// Any thread.
void HoldCaresLibrary();

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_CARES_LIBRARY_H_
