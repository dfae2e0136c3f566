#ifndef HOLDFAST_TESTS_INTEGRATION_TLS_EDGE_H_
#define HOLDFAST_TESTS_INTEGRATION_TLS_EDGE_H_

#include <string>
#include <vector>

#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/gateway_process.h"
#include "tests/support/subprocess.h"
#include "tests/support/temp_dir.h"

// A gateway with a TLS listener and what a test needs to talk to it.

namespace holdfast::support {

// Certificates as files.
class Files {
 public:
  // The paths, as the value of `tls.certificates`' element begins.
  std::string Keyed(const std::string& name, const pool::Issued& issued) {
    const std::string cert = dir_.Write(name + ".pem", issued.chain().pem);
    const std::string key = dir_.Write(name + ".key", issued.key_file().pem);
    return "cert: " + cert + ", key: " + key;
  }
  std::string Authority() { return dir_.Write("authority.pem", pool::TestAuthority().chain().pem); }
  std::string Write(const std::string& name, const std::string& text) {
    return dir_.Write(name, text);
  }
  std::string Path(const std::string& name) const { return dir_.Path(name); }

 private:
  TempDir dir_;
};

inline std::string Listener(const std::string& tls) {
  return "workers: 2\nstatus: {bind: \"127.0.0.1:0\"}\naccess_log: off\ndrain: {delay: 0s, "
         "timeout: 1s}\n"
         "listeners: [{name: edge, bind: \"127.0.0.1:0\", tls: {" +
         tls + "}}]\n";
}

inline constexpr char kHello[] =
    "routes: [{match: {path_prefix: /}, respond: {status: 200, body: hello}}]\n";

// curl's exit code and what it printed.
inline Finished Curl(const GatewayProcess& gateway, const std::string& host,
                     std::vector<std::string> arguments) {
  const std::string port = gateway.address().substr(gateway.address().rfind(':') + 1);
  std::vector<std::string> all = {"curl",
                                  "--silent",
                                  "--show-error",
                                  "--max-time",
                                  "20",
                                  "--resolve",
                                  host + ":" + port + ":127.0.0.1"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  all.push_back("https://" + host + ":" + port + "/");
  return RunProgram(all, {}, 2 * kPatience);
}

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_INTEGRATION_TLS_EDGE_H_
