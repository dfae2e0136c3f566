#ifndef HOLDFAST_POOL_DNS_DNS_QUESTION_H_
#define HOLDFAST_POOL_DNS_DNS_QUESTION_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "pool/dns/dns_answer.h"

namespace holdfast::pool {

// The type of record that a question asks for (RFC 1035 section 3.2.2, RFC 3596, RFC 2782).
enum class QuestionType : uint8_t { kA, kAaaa, kSrv };

// How a question is sent. An answer too long for plain UDP comes back cut (RFC 1035 section 4.1.1,
// TC). The question is then sent again with EDNS (RFC 6891), which has room for most answers, and
// only after that over TCP, which many networks block.
enum class QuestionWay : uint8_t { kPlain, kEdns, kTcp };
inline constexpr size_t kQuestionWays = 3;

// How to ask again after this reply; nullopt: it is the answer. Pure.
std::optional<QuestionWay> NextWay(QuestionWay way, const Records& records);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_DNS_QUESTION_H_
