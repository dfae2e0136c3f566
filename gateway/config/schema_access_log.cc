#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/config/access_log.h"
#include "gateway/config/field.h"
#include "gateway/config/scalar_shapes.h"
#include "gateway/config/schema.h"
#include "gateway/config/text_checks.h"
#include "gateway/record/line_filter.h"
#include "gateway/record/record_fields.h"

// The table of `access_log`.

namespace holdfast::config {
namespace {

using Kind = Shape::Kind;
using record::LineFilter;

constexpr Shape kLogTarget = {
    .kind = Kind::kText,
    .expected = "stdout, stderr or an absolute path",
    .check = IsLogTarget,
};
void ReadLogTarget(const YamlNode& node, AccessLog* log) {
  log->target = AccessLog::Target::kFile;
  for (const auto target : {AccessLog::Target::kStdout, AccessLog::Target::kStderr}) {
    if (node.text == WordsOf(target).WordOf(target)) log->target = target;
  }
  if (log->target == AccessLog::Target::kFile) log->path = node.text;
}
std::string WriteLogTarget(const AccessLog& log) {
  return log.path.empty() ? std::string(WordsOf(log.target).WordOf(log.target)) : log.path;
}
constexpr Shape kFormat = WordShape<record::LineFormat>();
constexpr Shape kFieldName = {.kind = Kind::kWord, .words = record::kRecordFieldNames};
constexpr Shape kFieldNames = {
    .kind = Kind::kList,
    .expected = "a list of fields such as [time, client, target, status, duration_us]",
    .min = 1,
    .max = static_cast<int64_t>(record::kRecordFieldNames.size()),
    .element = &kFieldName,
};

// filter.
bool IsStatusSpan(std::string_view text) { return record::ParseStatusSpan(text).has_value(); }
constexpr Shape kStatusSpan = {
    .kind = Kind::kText,
    .expected = "a status code such as 404, or all of one kind such as 5xx",
    .check = IsStatusSpan,
};
constexpr Shape kStatusSpans = {.kind = Kind::kList,
                                .expected = "a list of 1 to 64 status codes such as [404, 5xx]",
                                .min = 1,
                                .max = 64,
                                .element = &kStatusSpan};
void ReadStatusSpans(const YamlNode& node, LineFilter* filter) {
  for (const YamlNode& item : node.items) {
    if (const auto span = record::ParseStatusSpan(item.text)) filter->statuses.push_back(*span);
  }
}
constexpr Shape kLoggedRoutes = {.kind = Kind::kList,
                                 .expected = "a list of 1 to 64 names of routes",
                                 .min = 1,
                                 .max = 64,
                                 .element = &kReference};
bool IsShare(std::string_view text) { return record::ParseShare(text).has_value(); }
constexpr Shape kShare = {
    .kind = Kind::kText,
    .expected = "a share from 0 to 1 with at most six decimals, such as 0.01",
    .words = kOff,
    .check = IsShare,
};
void ReadShare(const YamlNode& node, LineFilter* filter) {
  filter->share = record::ParseShare(node.text);
}
std::string WriteShare(const LineFilter& filter) {
  return filter.share.has_value() ? record::FormatShare(*filter.share) : std::string(kOff[0]);
}
constexpr Key kFilterKeys[] = {
    Custom<&ReadStatusSpans>("status", kStatusSpans, "Those with one of these status codes.")
        .Otherwise("none"),
    Field<&LineFilter::slower_than>("slower_than", kDurationOrOff,
                                    "Those that took longer, as duration_us has it."),
    Field<&LineFilter::routes>("routes", kLoggedRoutes,
                               "Those of these routes; `none` has those that no route matched.")
        .Otherwise("none"),
    Custom<&ReadShare, &WriteShare>(
        "share", kShare,
        "This share of the others, drawn by lot, and every one that failed: 5xx, no answer, or "
        "one that the upstream broke off."),
};
constexpr Shape kFilter = OrWords(
    Mapping<LineFilter>("a mapping such as {status: [404, 5xx], slower_than: 500ms}", kFilterKeys),
    kOff);

constexpr Key kAccessLogKeys[] = {
    Custom<&ReadLogTarget, &WriteLogTarget>("path", kLogTarget, "Where the lines go."),
    Field<&AccessLog::format>("format", kFormat,
                              "How they look: JSON objects, nginx's and Apache's combined format, "
                              "or pairs such as status=200."),
    Field<&AccessLog::fields>("fields", kFieldNames,
                              "What they tell, in this order; of json and logfmt.")
        .Otherwise("all, as far as there is something to tell"),
    Field<&AccessLog::filter>("filter", kFilter,
                              "Which exchanges have a line: those that one of its keys is for; "
                              "off: all."),
};
constexpr Shape kAccessLogTarget =
    Mapping<AccessLog>("a mapping such as {path: stdout, format: json}", kAccessLogKeys);

}  // namespace

constexpr Shape kAccessLog = {
    .kind = Kind::kList,
    .expected = "a mapping such as {path: stdout, format: json}, a list of 1 to 8 of them",
    .min = 1,
    .max = static_cast<int64_t>(kMaxAccessLogs),
    .words = kOff,
    .element = &kAccessLogTarget,
    .one_stands_for_list = true,
};

}  // namespace holdfast::config
