#include "gateway/policy/zeroed_pages.h"

#include <sys/mman.h>

#include <absl/strings/str_cat.h>

namespace holdfast::policy {
namespace {

void* Reserve(size_t bytes) {
  void* const pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return pages != MAP_FAILED ? pages : nullptr;
}

}  // namespace

ZeroedPages::ZeroedPages(size_t bytes) : bytes_(bytes), data_(Reserve(bytes)) {}

ZeroedPages::~ZeroedPages() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

std::string NoPagesText(size_t bytes, std::string_view what) {
  constexpr size_t kMebibyte = size_t{1} << 20;
  return absl::StrCat("the kernel does not let ", (bytes + kMebibyte - 1) / kMebibyte,
                      " MiB of address space be reserved for ", std::string(what),
                      "; raise what bounds it (ulimit -v, LimitAS of systemd, or "
                      "vm.overcommit_ratio where vm.overcommit_memory is 2)");
}

}  // namespace holdfast::policy
