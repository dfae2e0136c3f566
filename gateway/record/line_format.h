#ifndef HOLDFAST_GATEWAY_RECORD_LINE_FORMAT_H_
#define HOLDFAST_GATEWAY_RECORD_LINE_FORMAT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "gateway/record/exchange_record.h"
#include "gateway/record/record_fields.h"
#include "pool/net/word_table.h"

namespace holdfast::record {

enum class LineFormat : uint8_t { kJson, kCombined, kLogfmt };
inline constexpr auto kLineFormatWords = pool::Words<LineFormat>({
    {"json", LineFormat::kJson},
    {"combined", LineFormat::kCombined},
    {"logfmt", LineFormat::kLogfmt},
});
constexpr const auto& WordsOf(LineFormat) { return kLineFormatWords; }

// Makes lines of records. What a client has sent, whatever its bytes, stays within its own field:
// it ends no line, no field and no quotes, and reads as what it is once it is unescaped. One
// thread at a time.
class LineWriter {
 public:
  // `fields` are names of record_fields.h; empty: all of them. The combined format has its own.
  explicit LineWriter(LineFormat format, const std::vector<std::string>& fields = {});

  // Appends a line with its end.
  void Append(const ExchangeRecord& record, std::string* out) const;

 private:
  LineFormat format_;
  std::vector<const RecordField*> fields_;
};

}  // namespace holdfast::record

#endif  // HOLDFAST_GATEWAY_RECORD_LINE_FORMAT_H_
