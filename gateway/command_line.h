#ifndef HOLDFAST_GATEWAY_COMMAND_LINE_H_
#define HOLDFAST_GATEWAY_COMMAND_LINE_H_

#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

// What the command line asks for.
struct Command {
  enum class Kind {
    kRun,    // config_path
    kProxy,  // from, to
    kDemo,   // demo_port
    kCheck,  // config_path, without_files
    kConfigSchema,
    kConfigDefaults,
    kConfigDocs,
    kVersion,
    kPrinted,  // help or a usage error was printed: leave with exit_code
  };
  Kind kind = Kind::kPrinted;
  std::string config_path;
  std::string from;
  std::vector<std::string> to;
  std::string status = "127.0.0.1:9900";  // proxy, demo: an address or "off"
  int demo_port = 8080;
  bool without_files = false;  // check: those that TLS needs may be missing here
  bool print_config = false;   // demo: print its configuration and leave
  int exit_code = 0;
  std::vector<std::string> arguments;  // all, with the program's name
};

// Reads the arguments; prints help to standard output and usage errors to standard error.
Command ParseCommandLine(int argc, const char* const* argv);

// What to do about a start that failed with `error`, to be appended to it; empty when that is not a
// matter of an address in use.
std::string AddressHint(const Command& command, std::string_view error);

}  // namespace holdfast

#endif  // HOLDFAST_GATEWAY_COMMAND_LINE_H_
