#ifndef HOLDFAST_GATEWAY_POLICY_ZEROED_PAGES_H_
#define HOLDFAST_GATEWAY_POLICY_ZEROED_PAGES_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::policy {

// Memory for a table that many threads fill: all zero, reserved at once, and provided by the kernel
// as it is written.
//
// Where address space is scarce (RLIMIT_AS, vm.overcommit_memory=2) the kernel refuses, and data()
// is null: whoever takes a configuration into use looks at that before anything is taken from it.
//
// Thread: any, but for construction and destruction.
class ZeroedPages {
 public:
  explicit ZeroedPages(size_t bytes);
  ZeroedPages(const ZeroedPages&) = delete;
  ZeroedPages& operator=(const ZeroedPages&) = delete;
  ~ZeroedPages();

  void* data() const { return data_; }

 private:
  const size_t bytes_;
  void* const data_;
};

// What is told of such a refusal: that so many bytes could not be reserved for `what`, and where an
// operator raises the limit.
std::string NoPagesText(size_t bytes, std::string_view what);

}  // namespace holdfast::policy

#endif  // HOLDFAST_GATEWAY_POLICY_ZEROED_PAGES_H_
