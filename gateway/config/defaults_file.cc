#include "gateway/config/defaults_file.h"

#include <string_view>

#include "gateway/config/schema.h"

namespace holdfast::config {
namespace {

using Kind = Shape::Kind;

// Where a line goes.
struct Margin {
  size_t indent = 0;
  bool comment = false;

  Margin In(size_t more) const { return {indent + more, comment}; }
  Margin Commented() const { return {indent, true}; }
};

// Adds a line. The sign of a comment comes after the indent, so that YAML is left when the signs
// are taken away.
void AddLine(const Margin& margin, std::string_view text, std::string* file) {
  *file +=
      std::string(margin.indent, ' ') + (margin.comment ? "# " : "") + std::string(text) + "\n";
}

void AddKeys(const Shape& mapping, const void* owner, const Margin& margin, std::string* file);

// What is below a key: of a list or of names one element.
void AddBelow(const Key& key, const void* owner, const Margin& margin, std::string* file) {
  const Shape& shape = *key.shape;
  if (shape.kind == Kind::kMapping) {
    return AddKeys(shape, DefaultsOf(key, owner), margin.In(2), file);
  }
  const Shape& element = *shape.element;
  const bool list = shape.kind == Kind::kList;
  AddLine(margin.In(2), list ? "-" : "web:", file);
  AddKeys(element, element.defaults(), margin.In(4), file);
}

bool HasKeysBelow(const Shape& shape) {
  if (shape.kind == Shape::Kind::kPartial) return false;
  return shape.kind == Kind::kMapping ||
         (shape.element != nullptr && shape.element->kind == Kind::kMapping);
}

void AddKey(const Key& key, const void* owner, const Margin& margin, std::string* file) {
  const std::string name = std::string(key.name) + ":";
  const std::string by_default = DefaultOf(key, owner);
  const bool below = HasKeysBelow(*key.shape);
  if (!key.example.empty()) {
    AddLine(margin, name + " " + std::string(key.example) + "  # an example", file);
  } else if (!key.otherwise.empty()) {
    AddLine(margin.Commented(), name + " (" + by_default + ")", file);
  } else if (!by_default.empty() && key.shape->kind != Kind::kNamed) {
    AddLine(margin, name + " " + by_default, file);
  } else {
    AddLine(margin, name, file);
    if (below) return AddBelow(key, owner, margin, file);
  }
  if (!below) return;
  AddLine(margin.Commented(), name, file);
  AddBelow(key, owner, margin.Commented(), file);
}

void AddKeys(const Shape& mapping, const void* owner, const Margin& margin, std::string* file) {
  for (const Key& key : mapping.keys) AddKey(key, owner, margin, file);
}

}  // namespace

std::string DefaultsFile() {
  std::string file =
      "# Every key of the configuration with its default, as `holdfast config defaults` prints "
      "it.\n"
      "# A key in a comment has no default value, or is below one that is off; what holds without "
      "it\n"
      "# is said in brackets.\n";
  AddKeys(FileShape(), FileShape().defaults(), {}, &file);
  return file;
}

}  // namespace holdfast::config
