#include "gateway/acme/check_notes.h"

#include <sys/stat.h>

#include <string>

#include <gtest/gtest.h>

#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/temp_dir.h"

namespace holdfast::acme {
namespace {

using Strings = std::vector<std::string>;

class CheckNotesTest : public testing::Test {
 protected:
  Strings NotesFor(const std::string& storage, const Strings& names) {
    config::Config config;
    config.listeners.push_back({.name = "plain"});
    config.listeners.push_back({.name = "edge", .tls = config::ListenerTls()});
    config.listeners.back().tls->acme = config::ListenerAcme{
        .directory = "https://ca.test/dir", .names = names, .storage = storage};
    return CheckNotes(config);
  }

  support::TempDir dir_;
};

TEST_F(CheckNotesTest, SaysWhatWouldBeOrderedAndWhere) {
  const std::string store = dir_.Path("store");
  EXPECT_EQ(NotesFor(store, {"a.test", "b.test"}),
            (Strings{"listener edge: acme: would order certificates for a.test, b.test at "
                     "https://ca.test/dir by http-01",
                     "listener edge: acme: " + store + " would be made"}));
  struct stat facts {};
  EXPECT_NE(stat(store.c_str(), &facts), 0) << "nothing is made";
}

TEST_F(CheckNotesTest, SaysWhatIsThereAndWhatIsWrongWithIt) {
  const pool::Issued site = pool::SiteFor({"a.test"});
  dir_.Write("a.test@ca.test-3f0f069f.pem", site.pem() + site.key_file().pem);
  dir_.Write("b.test@ca.test-3f0f069f.pem", "garbage");
  const Strings notes = NotesFor(dir_.Path(""), {"a.test", "b.test"});
  ASSERT_EQ(notes.size(), 4u);
  EXPECT_NE(notes[0].find("b.test@ca.test-3f0f069f.pem: no certificate in it"), std::string::npos);
  EXPECT_NE(notes[1].find("would order certificates for b.test at"), std::string::npos);
  EXPECT_NE(notes[2].find("would keep and renew those for a.test"), std::string::npos);
  EXPECT_NE(notes[3].find("can be written"), std::string::npos);
}

TEST_F(CheckNotesTest, SaysWhyTheFolderWouldNotDo) {
  EXPECT_NE(NotesFor(dir_.Path("no/store"), {"a.test"})[1].find("cannot be written: No such"),
            std::string::npos);
  EXPECT_NE(NotesFor(dir_.Write("file", ""), {"a.test"}).back().find("is no folder"),
            std::string::npos);
}

TEST_F(CheckNotesTest, WithoutAcmeThereIsNothingToSay) {
  EXPECT_TRUE(CheckNotes(config::Config()).empty());
}

}  // namespace
}  // namespace holdfast::acme
