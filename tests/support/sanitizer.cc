#include "tests/support/sanitizer.h"

#include <cstdlib>
#include <string_view>

namespace holdfast::support {

Sanitizer GatewaySanitizer() {
#if defined(__SANITIZE_ADDRESS__)
  return Sanitizer::kAddress;
#elif defined(__SANITIZE_THREAD__)
  return Sanitizer::kThread;
#else
  const char* const name = std::getenv("HOLDFAST_SANITIZER");
  if (name == nullptr) return Sanitizer::kNone;
  return std::string_view(name) == "tsan" ? Sanitizer::kThread : Sanitizer::kAddress;
#endif
}

}  // namespace holdfast::support
