#include "gateway/tls/stand_ins.h"

namespace holdfast::tls {

const AcmeCertificate* LastPairs::Of(const std::string& path, pool::WallTime now) {
  const auto pair = pairs_.find(path);
  return pair != pairs_.end() && now < pair->second.facts.not_after ? &pair->second : nullptr;
}

void LastPairs::Prune(pool::WallTime now) {
  std::erase_if(pairs_, [now](const auto& pair) { return now >= pair.second.facts.not_after; });
}

}  // namespace holdfast::tls
