#include <cstdio>
#include <string>

#include "gateway/config/json_schema.h"

int main() {
  const std::string schema = holdfast::config::JsonSchema();
  return std::fwrite(schema.data(), 1, schema.size(), stdout) == schema.size() ? 0 : 1;
}
