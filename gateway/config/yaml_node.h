#ifndef HOLDFAST_GATEWAY_CONFIG_YAML_NODE_H_
#define HOLDFAST_GATEWAY_CONFIG_YAML_NODE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/diagnostic.h"
#include "gateway/config/source_text.h"

namespace holdfast::config {

struct YamlEntry;

// A value of a YAML document with its place. It is a tree of plain values that owns its texts.
struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMapping };

  Kind kind = Kind::kNull;
  Position position;
  std::string text;                // of a scalar
  bool hidden = false;             // a file of secrets has the text (secret_files.h): not shown
  bool shared = false;             // a default (file_defaults.h), and so are those within it
  std::vector<YamlNode> items;     // of a sequence
  std::vector<YamlEntry> entries;  // of a mapping, in the file's order, keys unique

  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_sequence() const { return kind == Kind::kSequence; }
  bool is_mapping() const { return kind == Kind::kMapping; }

  // The value of a key; null when there is none, and when this is no mapping.
  const YamlNode* Find(std::string_view key) const;
};

struct YamlEntry {
  YamlNode key;  // a scalar
  YamlNode value;
};

inline constexpr size_t kMaxYamlBytes = 16 << 20;
inline constexpr int kMaxYamlDepth = 16;
inline constexpr size_t kMaxYamlNodes = 1'000'000;

// What is left of the bounds for all texts of one configuration.
struct YamlBudget {
  size_t bytes = kMaxYamlBytes;
  size_t nodes = kMaxYamlNodes;
};

// Reads one document of block or flow YAML. It refuses aliases, anchors, tags and several
// documents, so that a configuration is what it looks like and its size is that of its text. Null
// when the text is not such a document; `report` then says why.
std::optional<YamlNode> ParseYaml(std::string_view text, Report* report);

// The same with the file of this number in `report`, and what it takes is taken from the budget.
std::optional<YamlNode> ParseYamlFile(int file, YamlBudget* budget, Report* report);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_YAML_NODE_H_
