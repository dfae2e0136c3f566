#include "gateway/config/file_places.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <set>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "gateway/config/environment.h"
#include "gateway/config/file_access.h"
#include "gateway/config/file_text.h"
#include "gateway/config/include.h"
#include "gateway/config/yaml_node.h"

namespace holdfast::config {
namespace {

struct FilePlace {
  std::string beginning;  // of the complaints that are about it
  size_t owner;           // how much of that is who names it
  Position position;
};

// All texts within `node` that may be a file's path, in the file's order.
void AddPaths(const std::string& owner, const YamlNode& node, std::vector<FilePlace>* places) {
  if (node.is_scalar() && node.text.starts_with('/')) {
    places->push_back({absl::StrCat(owner, ": ", node.text), owner.size(), node.position});
  }
  for (const YamlNode& item : node.items) AddPaths(owner, item, places);
  for (const YamlEntry& entry : node.entries) AddPaths(owner, entry.value, places);
}

using Keys = std::initializer_list<std::string_view>;

// Those of one listener, upstream or route; `shared` is what all of its kind have that do not say
// it themselves (file_defaults.h), or null.
void AddOwned(const std::string& owner, const YamlNode& item, const YamlNode* shared, Keys keys,
              std::vector<FilePlace>* places) {
  for (const YamlNode* const node : {&item, shared}) {
    if (node == nullptr) continue;
    for (const std::string_view key : keys) {
      const YamlNode* const files = node->Find(key);
      if (files != nullptr) AddPaths(owner, *files, places);
    }
  }
}

std::vector<FilePlace> PlacesIn(const YamlNode& root) {
  std::vector<FilePlace> places;
  const YamlNode* const defaults = root.Find("defaults");
  const auto shared = [defaults](std::string_view kind) {
    return defaults != nullptr ? defaults->Find(kind) : nullptr;
  };
  for (const char* const own : {"access_log", "tracing"}) {
    if (const YamlNode* const node = root.Find(own)) AddPaths(own, *node, &places);
  }
  const YamlNode* const listeners = root.Find("listeners");
  if (listeners != nullptr) {
    for (const YamlNode& listener : listeners->items) {
      // One without a name is called by where it is bound.
      const YamlNode* const given = listener.Find("name");
      const YamlNode* const name = given != nullptr ? given : listener.Find("bind");
      if (name == nullptr) continue;
      AddOwned("listener " + name->text, listener, shared("listeners"), {"tls", "error_pages"},
               &places);
    }
  }
  const YamlNode* const upstreams = root.Find("upstreams");
  if (upstreams != nullptr) {
    for (const YamlEntry& upstream : upstreams->entries) {
      AddOwned("upstream " + upstream.key.text, upstream.value, shared("upstreams"), {"tls"},
               &places);
    }
  }
  const YamlNode* const routes = root.Find("routes");
  if (routes != nullptr) {
    size_t number = 0;
    for (const YamlNode& route : routes->items) {
      ++number;
      const YamlNode* const name = route.Find("name");
      const std::string owner =
          "route " + (name != nullptr ? name->text : "route-" + std::to_string(number));
      AddOwned(owner, route, shared("routes"), {"basic_auth", "jwt"}, &places);
    }
  }
  return places;
}

// "/a.key" is not what "/a.key.old: ..." is about.
bool IsAbout(std::string_view complaint, const FilePlace& place) {
  if (!complaint.starts_with(place.beginning)) return false;
  const std::string_view rest = complaint.substr(place.beginning.size());
  return rest.starts_with(": ") || rest.starts_with(' ');
}

// `root` is the tree of what `report` has, as far as there is one.
std::vector<Diagnostic> PlaceAll(std::string_view complaints, const std::optional<YamlNode>& root,
                                 const Report& report) {
  std::vector<FilePlace> places;
  if (root.has_value()) places = PlacesIn(*root);
  std::set<std::pair<Position, std::string>> seen;
  std::vector<Diagnostic> placed;
  for (const absl::string_view line : absl::StrSplit(
           absl::string_view(complaints.data(), complaints.size()), '\n', absl::SkipEmpty())) {
    const std::string message(line);
    const auto place = std::ranges::find_if(
        places, [&message](const FilePlace& one) { return IsAbout(message, one); });
    if (place == places.end()) {
      placed.push_back(report.Make(Severity::kError, {}, message));
      continue;
    }
    // What is wrong with a default is told of the first that has it.
    const bool told = !seen.emplace(place->position, message.substr(place->owner)).second;
    if (!told) placed.push_back(report.Make(Severity::kError, place->position, message));
  }
  return placed;
}

}  // namespace

std::vector<Diagnostic> PlaceComplaints(std::string_view complaints, std::string_view text,
                                        std::string_view file) {
  Report report(text, file);
  const std::optional<YamlNode> root = ParseYaml(text, &report);
  return PlaceAll(complaints, root, report);
}

std::vector<Diagnostic> PlaceComplaintsIn(const std::string& path, std::string_view complaints) {
  const std::optional<std::string> text = ReadFileText(path, kMaxYamlBytes);
  Report report(text.has_value() ? *text : std::string_view(), path);
  const std::optional<YamlNode> root =
      ReadWithIncludes(OfThisProcess, FilesOfThisMachine(), &report);
  return PlaceAll(complaints, root, report);
}

}  // namespace holdfast::config
