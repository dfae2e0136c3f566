#include "gateway/config/file_defaults.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/config/shape_check.h"

namespace holdfast::config {
namespace {

constexpr std::string_view kKey = "defaults";

struct Kind {
  std::string_view key;                   // of the file, and of `defaults`
  std::vector<std::string_view> its_own;  // keys that no default can have
};

const std::vector<Kind>& Kinds() {
  static const std::vector<Kind>& kinds = *new std::vector<Kind>{
      {"listeners", {"name", "bind"}},
      {"upstreams", {"endpoints"}},
      {"routes", {"name", "match", "upstream", "split", "split_by", "respond", "redirect"}},
  };
  return kinds;
}

YamlNode* FindNode(YamlNode* mapping, std::string_view key) {
  for (YamlEntry& entry : mapping->entries) {
    if (entry.key.text == key) return &entry.value;
  }
  return nullptr;
}

void MarkShared(YamlNode* node) {
  node->shared = true;
  for (YamlNode& item : node->items) MarkShared(&item);
  for (YamlEntry& entry : node->entries) MarkShared(&entry.value);
}

// A list takes the place of another. Where that is one of what is kept out, people may have thought
// that it adds to it.
void TellReplaced(std::string_view key, const YamlNode& shared, const YamlNode& own,
                  Report* report) {
  if (key != "deny" && key != "remove") return;
  for (const YamlNode& item : shared.items) {
    const bool kept = std::ranges::any_of(
        own.items, [&item](const YamlNode& other) { return other.text == item.text; });
    if (kept) continue;
    return report->Note(own.position, std::string(key) +
                                          " takes the place of that of defaults, "
                                          "which has " +
                                          Quoted(item.text));
  }
}

void Merge(const YamlNode& defaults, YamlNode* item, Report* report) {
  for (const YamlEntry& entry : defaults.entries) {
    YamlNode* own = FindNode(item, entry.key.text);
    if (own == nullptr) {
      item->entries.push_back(entry);
    } else if (own->is_mapping() && entry.value.is_mapping()) {
      Merge(entry.value, own, report);
    } else {
      TellReplaced(entry.key.text, entry.value, *own, report);
    }
  }
}

bool IsItsOwn(const Kind& kind, std::string_view key) {
  return std::ranges::find(kind.its_own, key) != kind.its_own.end();
}

bool CheckOwn(const Kind& kind, const YamlNode& defaults, Report* report) {
  bool good = true;
  for (const YamlEntry& entry : defaults.entries) {
    if (!IsItsOwn(kind, entry.key.text)) continue;
    report->Error(entry.key.position, Quoted(entry.key.text) +
                                          " is each one's own: it cannot be a "
                                          "default");
    good = false;
  }
  return good;
}

}  // namespace

bool MayBeDefault(const Shape& mapping, std::string_view key) {
  return std::ranges::any_of(Kinds(), [&](const Kind& kind) {
    return FindKey(FileShape(), kind.key)->shape->element == &mapping && !IsItsOwn(kind, key);
  });
}

void ApplyFileDefaults(YamlNode* root, Report* report) {
  const auto entry = std::ranges::find(root->entries, kKey, [](const YamlEntry& candidate) {
    return std::string_view(candidate.key.text);
  });
  if (entry == root->entries.end()) return;
  YamlNode all = std::move(entry->value);
  MarkShared(&all);
  root->entries.erase(entry);
  const size_t before = report->errors();
  CheckShape(all, *FindKey(FileShape(), kKey)->shape, report);
  if (report->errors() > before) return;
  for (const Kind& kind : Kinds()) {
    const YamlNode* defaults = all.Find(kind.key);
    YamlNode* items = FindNode(root, kind.key);
    if (defaults == nullptr || !CheckOwn(kind, *defaults, report) || items == nullptr) continue;
    for (YamlNode& item : items->items) {
      if (item.is_mapping()) Merge(*defaults, &item, report);
    }
    for (YamlEntry& item : items->entries) {
      if (item.value.is_mapping()) Merge(*defaults, &item.value, report);
    }
  }
}

}  // namespace holdfast::config
