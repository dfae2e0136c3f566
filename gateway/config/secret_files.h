#ifndef HOLDFAST_GATEWAY_CONFIG_SECRET_FILES_H_
#define HOLDFAST_GATEWAY_CONFIG_SECRET_FILES_H_

#include <cstddef>

#include "gateway/config/diagnostic.h"
#include "gateway/config/file_access.h"
#include "gateway/config/yaml_node.h"

namespace holdfast::config {

inline constexpr size_t kMaxSecretBytes = 16 << 10;  // of one file
inline constexpr size_t kMaxSecretFiles = 1000;

// Where the table takes `{file: PATH}` in place of a text (Shape::may_be_file), what the file
// holds, without the line's end behind it, is put in that place: a scalar that is hidden, whose
// position is the path's. A file that can't be read, or is empty, is an error there (or a note,
// where missing ones are forgiven), and some other value is put there. One that others may read is
// a note.
//
// `root` is the whole file's, before its defaults are shared out, so that each is read once. It
// blocks on files.
void ReadSecretFiles(const FileAccess& files, YamlNode* root, Report* report);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_SECRET_FILES_H_
