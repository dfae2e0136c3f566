#include "gateway/config/secret_files.h"

#include <string>
#include <string_view>
#include <utility>

#include "gateway/config/file_text.h"
#include "gateway/config/schema.h"
#include "gateway/config/text_checks.h"
#include "gateway/config/units.h"

namespace holdfast::config {
namespace {

constexpr std::string_view kFile = "file";
// Good for every key that may be in a file: long enough for a cookie's key, and a field's value.
constexpr std::string_view kStandIn = "what-stands-for-a-file-that-is-not-here-";

// As an editor or `echo` ends a line.
void DropLineEnd(std::string* text) {
  if (!text->ends_with('\n')) return;
  text->pop_back();
  if (text->ends_with('\r')) text->pop_back();
}

class SecretReader {
 public:
  SecretReader(const FileAccess& files, Report* report) : files_(files), report_(report) {}

  void Resolve(YamlNode* node, const Shape& shape) {
    if (shape.may_be_file) {
      // Without a value, what goes with the key would be wrong, too. Each stand-in is another one,
      // so that two matches do not look the same.
      if (node->is_mapping() && !Take(node)) {
        Put(std::string(kStandIn) + std::to_string(++stand_ins_), node->position, node);
      }
      return;
    }
    const Shape* keys = shape.kind == Shape::Kind::kPartial ? shape.element->element : &shape;
    for (YamlEntry& entry : node->entries) {
      const Shape* const below = Below(*keys, entry.key.text);
      if (below != nullptr) Resolve(&entry.value, *below);
    }
    if (shape.kind != Shape::Kind::kList) return;
    for (YamlNode& item : node->items) Resolve(&item, *shape.element);
  }

 private:
  // What the key of a mapping holds; null: nobody knows it.
  const Shape* Below(const Shape& shape, std::string_view name) {
    if (shape.kind == Shape::Kind::kNamed) return shape.element;
    const Shape& mapping = shape.one_stands_for_list ? *shape.element : shape;
    const Key* const key = FindKey(mapping, name);
    return key != nullptr ? key->shape : nullptr;
  }

  bool Fail(Position place, std::string message) {
    report_->Error(place, std::move(message));
    return false;
  }

  // False: it could not be read, and there has been a word about it.
  bool Take(YamlNode* node) {
    const bool file = node->entries.size() == 1 && node->entries.front().key.text == kFile;
    const YamlNode* const path = file ? &node->entries.front().value : nullptr;
    if (path == nullptr || !path->is_scalar() || !IsFilePath(path->text)) {
      return Fail(
          node->position,
          "expected a text, or {file: PATH} with the absolute path of a file that holds it");
    }
    if (!files_.any()) {
      return Fail(node->position, "only a configuration that is a file can have secrets in others");
    }
    if (++count_ > kMaxSecretFiles) {
      return Fail(node->position, "too many files with secrets; at most " +
                                      std::to_string(kMaxSecretFiles) + " are read");
    }
    return Read(*path, node);
  }

  // `path` is within `node`.
  bool Read(const YamlNode& path, YamlNode* node) {
    const Position place = path.position;
    const std::string name = path.text;
    absl::StatusOr<std::string> text = files_.read(name, kMaxSecretBytes);
    if (!text.ok()) return Miss(place, name, text.status());
    if (text->size() > kMaxSecretBytes) {
      return Fail(place, Quoted(name) + " is larger than " + FormatSize(kMaxSecretBytes));
    }
    DropLineEnd(&*text);
    if (text->empty()) {
      return Fail(place, Quoted(name) + " is empty; expected the value of this key");
    }
    if (files_.exposed != nullptr && files_.exposed(name)) {
      report_->Note(place, Quoted(name) + ": " + std::string(kExposed));
    }
    Put(*std::move(text), place, node);
    return true;
  }

  void Put(std::string text, Position place, YamlNode* node) {
    *node = {.kind = YamlNode::Kind::kScalar,
             .position = place,
             .text = std::move(text),
             .hidden = true,
             .items = {},
             .entries = {}};
  }

  bool Miss(Position place, const std::string& name, const absl::Status& why) {
    const std::string wrong = Quoted(name) + " cannot be read: " + std::string(why.message());
    if (!files_.forgives_missing || !absl::IsNotFound(why)) return Fail(place, wrong);
    report_->Note(place, wrong + "; another value stands for it here");
    return false;
  }

  const FileAccess& files_;
  Report* report_;
  size_t count_ = 0;
  size_t stand_ins_ = 0;
};

}  // namespace

void ReadSecretFiles(const FileAccess& files, YamlNode* root, Report* report) {
  SecretReader(files, report).Resolve(root, FileShape());
}

}  // namespace holdfast::config
