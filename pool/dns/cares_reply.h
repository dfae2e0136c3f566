#ifndef HOLDFAST_POOL_DNS_CARES_REPLY_H_
#define HOLDFAST_POOL_DNS_CARES_REPLY_H_

#include <cstdint>
#include <string_view>

#include "pool/dns/dns_answer.h"
#include "pool/dns/dns_question.h"

namespace holdfast::pool {

// The number of the type on the wire, which c-ares takes.
int WireType(QuestionType type);

// What c-ares reports of a question: its status, and a message with some statuses (empty with the
// others). Addresses get `port`. Pure; the message may be anything.
Records ReadReply(int ares_status, QuestionType type, std::string_view message, uint16_t port);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_CARES_REPLY_H_
