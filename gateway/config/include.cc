#include "gateway/config/include.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "gateway/config/foreign_keys.h"
#include "gateway/config/lookup.h"
#include "gateway/config/schema.h"
#include "gateway/config/shape_check.h"
#include "gateway/config/suggest.h"

namespace holdfast::config {
namespace {

constexpr std::string_view kKey = "include";
constexpr size_t kMaxNamedFiles = 20;  // of a glob, in what a check tells
constexpr std::string_view kListeners = "listeners";
constexpr std::string_view kUpstreams = "upstreams";
constexpr std::string_view kRoutes = "routes";
constexpr std::string_view kExpected = "; expected listeners, upstreams or routes";

// How two spellings of one path are told to be one; links are not followed.
std::string PlainPath(const std::string& path) {
  return std::filesystem::path(path).lexically_normal().string();
}

// Whether it can be shown as it is: a file's name may have any bytes.
bool IsPlainText(std::string_view path) {
  return !FindEncodingError(path).has_value() && path.find('\n') == path.npos;
}

// "'conf.d/*.yaml' finds 2 files: 'conf.d/a.yaml', 'conf.d/b.yaml'".
std::string WhatWasFound(std::string_view glob, const std::vector<std::string>& paths) {
  std::string text = Quoted(glob) + " finds ";
  if (paths.empty()) return text + "no file";
  text += std::to_string(paths.size()) + (paths.size() == 1 ? " file: " : " files: ");
  const size_t named = std::min(paths.size(), kMaxNamedFiles);
  for (size_t i = 0; i < named; ++i) text += (i == 0 ? "" : ", ") + Quoted(paths[i]);
  if (named == paths.size()) return text;
  return text + " and " + std::to_string(paths.size() - named) + " more";
}

template <class T>
void MoveInto(std::vector<T>* to, std::vector<T>* from) {
  to->insert(to->end(), std::move_iterator(from->begin()), std::move_iterator(from->end()));
}

// Adds to a configuration's tree what its files say.
class Includer {
 public:
  Includer(const Environment& environment, const FileAccess& files, YamlBudget* budget,
           YamlNode* root, Report* report)
      : environment_(environment), files_(files), budget_(budget), root_(root), report_(report) {}

  // False: not everything could be added.
  bool Run() {
    const auto entry = std::ranges::find(root_->entries, kKey, [](const YamlEntry& candidate) {
      return std::string_view(candidate.key.text);
    });
    if (entry == root_->entries.end()) return true;
    YamlNode value = std::move(entry->value);
    root_->entries.erase(entry);
    const Shape& shape = *FindKey(FileShape(), kKey)->shape;
    CheckShape(value, shape, report_);
    const std::span<const YamlNode> globs =
        value.is_scalar() ? std::span<const YamlNode>(&value, 1) : value.items;
    bool complete = !globs.empty();
    for (const YamlNode& glob : globs) {
      complete &= glob.is_scalar() && ScalarFits(*shape.element, glob.text) && AddGlob(glob);
    }
    return complete;
  }

 private:
  bool Fail(Position place, std::string message) {
    report_->Error(place, std::move(message));
    return false;
  }

  bool AddGlob(const YamlNode& glob) {
    const std::string main(report_->name(0));
    if (!files_.any()) {
      return Fail(glob.position, "only a configuration that is a file can include others");
    }
    if (!HasWildcards(glob.text)) return AddPath(PathBeside(main, glob.text), glob.position);
    const absl::StatusOr<std::vector<std::string>> paths = files_.find(GlobBeside(main, glob.text));
    if (!paths.ok()) {
      return Fail(glob.position, "cannot look for " + Quoted(glob.text) + ": " +
                                     std::string(paths.status().message()));
    }
    report_->Note(glob.position, WhatWasFound(glob.text, *paths));
    if (seen_.size() + paths->size() > kMaxIncludedFiles) return FailTooMany(glob.position);
    bool complete = true;
    for (const std::string& path : *paths) complete &= AddPath(path, glob.position);
    return complete;
  }

  bool FailTooMany(Position place) {
    return Fail(place,
                "too many files; at most " + std::to_string(kMaxIncludedFiles) + " are included");
  }

  // `place` is that of the glob that names it.
  bool AddPath(const std::string& path, Position place) {
    if (seen_.size() == kMaxIncludedFiles) return FailTooMany(place);
    const std::string plain = PlainPath(path);
    if (plain == PlainPath(std::string(report_->name(0)))) {
      return Fail(place, Quoted(path) + " is this file, which cannot include itself");
    }
    const auto [first, added] = seen_.try_emplace(plain, place);
    if (!added) {
      return Fail(place, GivenTwice("file " + Quoted(path), first->second, place, *report_));
    }
    if (!IsPlainText(path)) {
      return Fail(place, "the name of the file " + Quoted(path) + " is no plain text");
    }
    absl::StatusOr<std::string> text = files_.read(path, budget_->bytes);
    if (!text.ok()) {
      return Fail(place, Quoted(path) + " cannot be read: " + std::string(text.status().message()));
    }
    return AddText(*std::move(text), path);
  }

  bool AddText(std::string text, const std::string& path) {
    const int file = report_->AddFile(std::move(text), path);
    std::optional<YamlNode> tree = ParseYamlFile(file, budget_, report_);
    if (!tree.has_value()) return false;
    if (tree->kind == YamlNode::Kind::kNull) return true;
    if (!tree->is_mapping()) {
      return Fail(tree->position, "this is no mapping" + std::string(kExpected));
    }
    ExpandEnvironment(environment_, &*tree, report_);
    for (YamlEntry& entry : tree->entries) AddEntry(&entry);
    return true;
  }

  void AddEntry(YamlEntry* entry) {
    const std::string_view key = entry->key.text;
    const bool names = key == kUpstreams;
    if (!names && key != kListeners && key != kRoutes) return RefuseKey(entry->key);
    if (names ? !entry->value.is_mapping() : !entry->value.is_sequence()) {
      report_->Error(entry->value.position, names ? "expected a mapping of upstreams"
                                                  : "expected a list of " + std::string(key));
      return;
    }
    const auto own = std::ranges::find(root_->entries, key, [](const YamlEntry& candidate) {
      return std::string_view(candidate.key.text);
    });
    if (own == root_->entries.end()) {
      root_->entries.push_back(std::move(*entry));
    } else if (own->value.kind == entry->value.kind) {
      MoveInto(&own->value.items, &entry->value.items);
      MoveInto(&own->value.entries, &entry->value.entries);
    }
    // Otherwise it is the configuration's own that is wrong, as the loader says.
  }

  void RefuseKey(const YamlNode& key) {
    if (key.text == kKey) {
      report_->Error(key.position, "a file that is included cannot include others; " +
                                       Quoted(report_->name(0)) + " can");
    } else if (FindKey(FileShape(), key.text) != nullptr) {
      report_->Error(key.position, Quoted(key.text) + " belongs in " + Quoted(report_->name(0)) +
                                       ", which includes this file" + std::string(kExpected));
    } else {
      const std::string_view hint = ForeignKeyHint(key.text);
      const std::string meant = Suggestion(key.text, {kListeners, kUpstreams, kRoutes});
      report_->Error(key.position, "unknown key " + Quoted(key.text) +
                                       (!hint.empty()    ? "; " + std::string(hint)
                                        : !meant.empty() ? meant
                                                         : std::string(kExpected)));
    }
  }

  const Environment& environment_;
  const FileAccess& files_;
  YamlBudget* budget_;
  YamlNode* root_;
  Report* report_;
  absl::flat_hash_map<std::string, Position> seen_;  // path -> the glob that has found it
};

}  // namespace

std::optional<YamlNode> ReadWithIncludes(const Environment& environment, const FileAccess& files,
                                         Report* report) {
  YamlBudget budget;
  std::optional<YamlNode> root = ParseYamlFile(0, &budget, report);
  if (!root.has_value()) return std::nullopt;
  ExpandEnvironment(environment, &*root, report);
  if (!Includer(environment, files, &budget, &*root, report).Run()) return std::nullopt;
  return root;
}

}  // namespace holdfast::config
