#include "gateway/config/route.h"

namespace holdfast::config {

std::vector<std::string> MethodNames(const MethodSet& methods) {
  std::vector<std::string> names;
  for (int i = 0; i < static_cast<int>(http::Method::kOther); ++i) {
    const auto method = static_cast<http::Method>(i);
    if (methods.Contains(method)) names.emplace_back(http::MethodName(method));
  }
  names.insert(names.end(), methods.others().begin(), methods.others().end());
  return names;
}

}  // namespace holdfast::config
