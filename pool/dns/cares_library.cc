#include "pool/dns/cares_library.h"

#include <ares.h>

#include "pool/net/check.h"

namespace holdfast::pool {

void HoldCaresLibrary() {
  static const int held = ares_library_init(ARES_LIB_INIT_ALL);
  HOLDFAST_CHECK(held == ARES_SUCCESS);
}

}  // namespace holdfast::pool
