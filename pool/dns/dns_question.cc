#include "pool/dns/dns_question.h"

namespace holdfast::pool {

std::optional<QuestionWay> NextWay(QuestionWay way, const Records& records) {
  switch (way) {
    case QuestionWay::kPlain: break;
    // A server that does not understand EDNS may say anything, or nothing.
    case QuestionWay::kEdns:
      return Failed(records) ? std::optional(QuestionWay::kTcp) : std::nullopt;
    case QuestionWay::kTcp: return std::nullopt;
  }
  return records.cut ? std::optional(QuestionWay::kEdns) : std::nullopt;
}

}  // namespace holdfast::pool
