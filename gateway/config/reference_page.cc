#include "gateway/config/reference_page.h"

#include <string_view>

#include "gateway/config/schema.h"

namespace holdfast::config {
namespace {

using Kind = Shape::Kind;

constexpr std::string_view kHead =
    "# Configuration\n"
    "\n"
    "Every key, what it takes and what holds without it. `holdfast config docs` prints this page "
    "from\n"
    "the table that the loader follows, `holdfast config defaults` a file with every default, and\n"
    "`holdfast config schema` the [JSON Schema](holdfast.schema.json) for editors. [Every key\n"
    "explained](examples/annotated.yaml) is a file to start from.\n"
    "\n"
    "A path such as `upstreams.NAME.queue` names the place of a mapping; `[]` is an element of a\n"
    "list. Durations are whole numbers with units from large to small (`1h30m`, `250ms`), sizes "
    "are\n"
    "bytes or binary multiples (`512`, `64KiB`). Where `{file: PATH}` is taken, the file at that\n"
    "absolute path holds the value; it is read at the start and at each reload, and never shown.\n";

// Texts that stand in a table: what Markdown would take for its own is escaped.
std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const bool at_word = escaped.empty() || escaped.back() == ' ';
    if (c == '*' || c == '|' || c == '<' || (c == '_' && at_word)) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

// As sites that show Markdown make an anchor of a heading.
std::string AnchorOf(std::string_view heading) {
  std::string anchor;
  for (const char c : heading) {
    if (c >= 'A' && c <= 'Z') {
      anchor += static_cast<char>(c - 'A' + 'a');
    } else if (c == ' ') {
      anchor += '-';
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-') {
      anchor += c;
    }
  }
  return anchor;
}

// The mapping below a key: its own, or that of its elements.
const Shape* MappingBelow(const Shape& shape) {
  if (shape.kind == Kind::kPartial) return nullptr;
  const Shape* below = shape.element == nullptr ? &shape : shape.element;
  return below->kind == Kind::kMapping ? below : nullptr;
}

std::string PathBelow(const std::string& path, const Key& key) {
  const std::string below = (path.empty() ? "" : path + ".") + std::string(key.name);
  switch (key.shape->kind) {
    case Kind::kList: return below + "[]";
    case Kind::kNamed: return below + ".NAME";
    default: return below;
  }
}

std::string DefaultCell(const Key& key, const void* owner) {
  if (key.required) return "required";
  const std::string text = DescribeDefault(key, owner);
  if (!key.otherwise.empty()) return text;
  return text.empty() ? "as below" : "`" + text + "`";
}

std::string TakesCell(const Shape& shape) {
  std::string takes = Expectation(shape);
  if (shape.kind == Kind::kNamed) {
    takes = "at most " + std::to_string(shape.max) + " names with what they mean; each: " + takes;
    if (shape.element->may_be_file) takes += "; values: " + Expectation(*shape.element);
  } else if (shape.kind == Kind::kList && shape.element->kind != Kind::kMapping) {
    takes += "; each: " + Expectation(*shape.element);
  }
  return takes;
}

std::string Row(const Key& key, const void* owner, const std::string& path) {
  std::string name = "`" + std::string(key.name) + "`";
  if (MappingBelow(*key.shape) != nullptr) {
    name = "[" + name + "](#" + AnchorOf(PathBelow(path, key)) + ")";
  }
  std::string row = "| " + name;
  for (const std::string& cell :
       {Escaped(key.help), Escaped(TakesCell(*key.shape)), DefaultCell(key, owner)}) {
    row += " | " + cell;
  }
  return row + " |\n";
}

void AddSection(const Shape& mapping, const void* owner, const std::string& path,
                std::string* page) {
  *page += "\n## " + (path.empty() ? "The file" : "`" + path + "`") + "\n\n";
  *page += "| key | meaning | takes | default |\n|---|---|---|---|\n";
  for (const Key& key : mapping.keys) *page += Row(key, owner, path);
  for (const Key& key : mapping.keys) {
    const Shape* below = MappingBelow(*key.shape);
    if (below == nullptr) continue;
    const void* inner = below == key.shape ? DefaultsOf(key, owner) : below->defaults();
    AddSection(*below, inner, PathBelow(path, key), page);
  }
}

}  // namespace

std::string ReferencePage() {
  std::string page(kHead);
  AddSection(FileShape(), FileShape().defaults(), "", &page);
  return page;
}

}  // namespace holdfast::config
