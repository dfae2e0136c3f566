#include "gateway/config/yaml_node.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <absl/container/flat_hash_map.h>
#include <libfyaml.h>

namespace holdfast::config {
namespace {

struct ParserDeleter {
  void operator()(fy_parser* parser) const { fy_parser_destroy(parser); }
};
struct DiagDeleter {
  void operator()(fy_diag* diag) const { fy_diag_destroy(diag); }
};

// Pulls the parser's events and builds the tree from them, so that neither the library's documents
// nor its alias resolution take part. An error stops it: what follows one rarely makes sense.
class TreeBuilder {
 public:
  TreeBuilder(std::string_view text, int file, YamlBudget* budget, Report* report);
  ~TreeBuilder() { Release(); }

  std::optional<YamlNode> Build();

 private:
  // Moves to the next event; false at an error, which is then reported.
  bool Next();
  void Release();
  // Reads the node whose first event is the current one.
  bool ReadNode(int depth, YamlNode* node);
  bool ReadSequence(int depth, YamlNode* node);
  bool ReadMapping(int depth, YamlNode* node);
  bool ReadScalar(YamlNode* node);
  // libfyaml 0.7.12 misreads three kinds of text, which are kept from it or found out: several ''
  // in a row, quoted texts of several lines, and blocks that are empty or folded in odd ways.
  bool ReadQuoted(fy_token* token, YamlNode* node);
  bool ReadText(fy_token* token, YamlNode* node);
  // Whether the current event begins a node without extras.
  bool CheckPlain();
  bool Fail(Position position, std::string message);
  void ReportParserErrors();

  fy_event_type type() const { return event_ == nullptr ? FYET_NONE : event_->type; }
  // Where the current event is; where the last one was if it has no place of its own.
  Position Place();
  // Where an anchor or a tag is.
  Position PlaceOf(fy_token* property);

  std::string_view text_;
  int file_;  // its number in the report
  YamlBudget* budget_;
  Report* report_;
  std::unique_ptr<fy_diag, DiagDeleter> diag_;
  std::unique_ptr<fy_parser, ParserDeleter> parser_;
  fy_event* event_ = nullptr;
  Position place_;
};

Position ToPosition(const fy_mark* mark) { return {mark->line + 1, mark->column + 1}; }

// The mark of a quoted scalar is behind its quote, that of an alias or an anchor behind its '*' or
// '&'.
Position Before(Position position) {
  position.column = std::max(1, position.column - 1);
  return position;
}

bool IsQuoted(fy_token* token) {
  const fy_scalar_style style = fy_token_scalar_style(token);
  return style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
}

TreeBuilder::TreeBuilder(std::string_view text, int file, YamlBudget* budget, Report* report)
    : text_(text), file_(file), budget_(budget), report_(report), place_{1, 1, file} {
  fy_diag_cfg diag_config;
  fy_diag_cfg_default(&diag_config);
  diag_config.fp = nullptr;
  diag_.reset(fy_diag_create(&diag_config));
  if (diag_ == nullptr) return;
  fy_diag_set_collect_errors(diag_.get(), true);
  fy_parse_cfg config = {};
  config.flags =
      static_cast<fy_parse_cfg_flags>(FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE);
  config.diag = diag_.get();
  parser_.reset(fy_parser_create(&config));
  if (parser_ == nullptr) return;
  if (fy_parser_set_string(parser_.get(), text.data(), text.size()) != 0) parser_.reset();
}

std::optional<YamlNode> TreeBuilder::Build() {
  if (parser_ == nullptr) {
    Fail({}, "out of memory while reading the file");
    return std::nullopt;
  }
  YamlNode root;
  root.position = place_;
  if (!Next() || !Next()) return std::nullopt;  // the stream's start, then a document or the end
  if (type() != FYET_DOCUMENT_START) return root;
  if (!Next() || !ReadNode(0, &root)) return std::nullopt;
  if (!Next() || !Next()) return std::nullopt;  // the document's end, then the stream's
  if (type() == FYET_DOCUMENT_START) {
    Fail(Place(), "a second YAML document begins here; expected only one");
    return std::nullopt;
  }
  return root;
}

void TreeBuilder::Release() {
  if (event_ != nullptr) fy_parser_event_free(parser_.get(), event_);
  event_ = nullptr;
}

bool TreeBuilder::Next() {
  Release();
  event_ = fy_parser_parse(parser_.get());
  if (event_ != nullptr) return true;
  ReportParserErrors();
  return false;
}

void TreeBuilder::ReportParserErrors() {
  bool reported = false;
  void* iterator = nullptr;
  while (const fy_diag_error* error = fy_diag_errors_iterate(diag_.get(), &iterator)) {
    const Position position{error->line, error->column};
    Fail(position, std::string("not valid YAML: ") + (error->msg == nullptr ? "" : error->msg));
    reported = true;
  }
  if (!reported) Fail(place_, "not valid YAML: the text ends too early here");
}

bool TreeBuilder::Fail(Position position, std::string message) {
  position.file = file_;
  report_->Error(position, std::move(message));
  return false;
}

Position TreeBuilder::Place() {
  const fy_mark* mark = event_ == nullptr ? nullptr : fy_event_start_mark(event_);
  if (mark == nullptr) return place_;
  place_ = ToPosition(mark);
  place_.file = file_;
  const bool quoted = type() == FYET_SCALAR && IsQuoted(event_->scalar.value);
  if (quoted || type() == FYET_ALIAS) place_ = Before(place_);
  return place_;
}

Position TreeBuilder::PlaceOf(fy_token* property) {
  const fy_mark* mark = fy_token_start_mark(property);
  return mark == nullptr ? Place() : ToPosition(mark);
}

bool TreeBuilder::CheckPlain() {
  fy_token* anchor = nullptr;
  fy_token* tag = nullptr;
  switch (type()) {
    case FYET_ALIAS:
      return Fail(Place(),
                  "aliases (*name) are not supported; a value that begins with '*' needs quotes");
    case FYET_SCALAR:
      anchor = event_->scalar.anchor;
      tag = event_->scalar.tag;
      break;
    case FYET_SEQUENCE_START:
      anchor = event_->sequence_start.anchor;
      tag = event_->sequence_start.tag;
      break;
    case FYET_MAPPING_START:
      anchor = event_->mapping_start.anchor;
      tag = event_->mapping_start.tag;
      break;
    default: return Fail(Place(), "not valid YAML: expected a value");
  }
  if (anchor != nullptr) return Fail(Before(PlaceOf(anchor)), "anchors (&name) are not supported");
  if (tag != nullptr) return Fail(PlaceOf(tag), "tags (!name) are not supported");
  return true;
}

bool TreeBuilder::ReadNode(int depth, YamlNode* node) {
  node->position = Place();
  if (!CheckPlain()) return false;
  if (budget_->nodes == 0) {
    return Fail(node->position, "too many values; at most " + std::to_string(kMaxYamlNodes));
  }
  --budget_->nodes;
  if (depth > kMaxYamlDepth) {
    return Fail(node->position, "nested too deeply; at most " + std::to_string(kMaxYamlDepth));
  }
  if (type() == FYET_SEQUENCE_START) return ReadSequence(depth, node);
  if (type() == FYET_MAPPING_START) return ReadMapping(depth, node);
  return ReadScalar(node);
}

bool TreeBuilder::ReadScalar(YamlNode* node) {
  fy_token* token = event_->scalar.value;
  if (!(IsQuoted(token) ? ReadQuoted(token, node) : ReadText(token, node))) return false;
  const bool null = fy_token_scalar_style(token) == FYSS_PLAIN &&
                    (node->text.empty() || node->text == "~" || node->text == "null");
  node->kind = null ? YamlNode::Kind::kNull : YamlNode::Kind::kScalar;
  return true;
}

bool TreeBuilder::ReadQuoted(fy_token* token, YamlNode* node) {
  const fy_mark* begin = fy_token_start_mark(token);
  const fy_mark* end = fy_token_end_mark(token);
  if (begin == nullptr || end == nullptr) return ReadText(token, node);
  if (begin->line != end->line) {
    return Fail(node->position,
                "a quoted text ends on the line where it begins; use | for several lines");
  }
  if (fy_token_scalar_style(token) == FYSS_DOUBLE_QUOTED) return ReadText(token, node);
  std::string_view raw = text_.substr(begin->input_pos, end->input_pos - begin->input_pos);
  while (!raw.empty()) {
    node->text += raw[0];
    raw.remove_prefix(raw.starts_with("''") ? 2 : 1);
  }
  return true;
}

bool TreeBuilder::ReadText(fy_token* token, YamlNode* node) {
  size_t length = 0;
  const char* text = token == nullptr ? nullptr : fy_token_get_text(token, &length);
  if (text != nullptr) node->text.assign(text, length);
  // There is no NUL in the source, so without escapes one in the text is a miscount.
  const bool miscounted = fy_token_scalar_style(token) != FYSS_DOUBLE_QUOTED &&
                          node->text.find('\0') != std::string::npos;
  if (!miscounted) return true;
  if (node->text.size() > 1) {
    return Fail(node->position, "this folded text cannot be read; use | instead of >");
  }
  node->text.clear();  // an empty block
  return true;
}

bool TreeBuilder::ReadSequence(int depth, YamlNode* node) {
  node->kind = YamlNode::Kind::kSequence;
  while (Next()) {
    if (type() == FYET_SEQUENCE_END) return true;
    if (!ReadNode(depth + 1, &node->items.emplace_back())) return false;
  }
  return false;
}

bool TreeBuilder::ReadMapping(int depth, YamlNode* node) {
  node->kind = YamlNode::Kind::kMapping;
  absl::flat_hash_map<std::string, Position> seen;
  while (Next()) {
    if (type() == FYET_MAPPING_END) return true;
    YamlEntry& entry = node->entries.emplace_back();
    if (!ReadNode(depth + 1, &entry.key)) return false;
    if (!entry.key.is_scalar()) return Fail(entry.key.position, "expected a key");
    const auto [first, added] = seen.try_emplace(entry.key.text, entry.key.position);
    if (!added) {
      return Fail(entry.key.position, "key " + Quoted(entry.key.text) +
                                          " is given twice; first at line " +
                                          std::to_string(first->second.line) + ", column " +
                                          std::to_string(first->second.column));
    }
    if (!Next() || !ReadNode(depth + 1, &entry.value)) return false;
  }
  return false;
}

std::optional<YamlNode> Parse(std::string_view text, int file, YamlBudget* budget, Report* report) {
  if (text.size() > budget->bytes) {
    report->Error({.file = file},
                  std::string(file == 0 ? "the file is" : "the file and those before it are") +
                      " too large; at most " + std::to_string(kMaxYamlBytes) + " bytes");
    return std::nullopt;
  }
  budget->bytes -= text.size();
  if (std::optional<EncodingError> error = FindEncodingError(text)) {
    error->position.file = file;
    report->Error(error->position, std::move(error->message));
    return std::nullopt;
  }
  return TreeBuilder(text, file, budget, report).Build();
}

}  // namespace

const YamlNode* YamlNode::Find(std::string_view key) const {
  for (const YamlEntry& entry : entries) {
    if (entry.key.text == key) return &entry.value;
  }
  return nullptr;
}

std::optional<YamlNode> ParseYaml(std::string_view text, Report* report) {
  YamlBudget budget;
  return Parse(text, 0, &budget, report);
}

std::optional<YamlNode> ParseYamlFile(int file, YamlBudget* budget, Report* report) {
  return Parse(report->text(file), file, budget, report);
}

}  // namespace holdfast::config
