#include "gateway/route/route_files.h"

#include <utility>

#include "gateway/route/collector_files.h"
#include "gateway/route/error_page_files.h"
#include "gateway/route/key_files.h"
#include "gateway/route/password_files.h"

namespace holdfast::route {

absl::Status LoadRouteFiles(config::Config* config, std::vector<std::string>* notes) {
  if (absl::Status status = LoadPasswordFiles(config); !status.ok()) return status;
  if (absl::Status status = LoadKeyFiles(config); !status.ok()) return status;
  for (std::string& note : KeyFileNotes(*config)) notes->push_back(std::move(note));
  if (absl::Status status = LoadCollectorFiles(config); !status.ok()) return status;
  return LoadErrorPages(config);
}

}  // namespace holdfast::route
