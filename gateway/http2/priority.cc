#include "gateway/http2/priority.h"

#include <string_view>

#include "gateway/http/syntax.h"

namespace holdfast::http2 {
namespace {

// A member of the dictionary (RFC 8941 section 3.2), without its parameters.
void Take(std::string_view member, Priority* priority) {
  member = http::TrimWhiteSpace(member.substr(0, member.find(';')));
  if (member.size() == 3 && member.starts_with("u=") && member[2] >= '0' && member[2] <= '7') {
    priority->urgency = static_cast<uint8_t>(member[2] - '0');
  } else if (member == "i" || member == "i=?1") {
    priority->incremental = true;
  } else if (member == "i=?0") {
    priority->incremental = false;
  }
}

}  // namespace

Priority PriorityOf(const http::HeaderList& fields) {
  Priority priority;
  bool said = false;
  for (const http::HeaderField& field : fields.fields()) {
    if (field.id != http::FieldId::kOther || !http::EqualsIgnoreCase(field.name, "priority")) {
      continue;
    }
    said = true;
    std::string_view member;
    for (http::ListReader reader(field.value); reader.Next(&member);) Take(member, &priority);
  }
  if (!said) priority.incremental = true;
  return priority;
}

}  // namespace holdfast::http2
