#include "gateway/acme/storage.h"

#include <sys/stat.h>

#include <string>

#include <gtest/gtest.h>

#include "pool/tls/digest.h"
#include "tests/support/temp_dir.h"

namespace holdfast::acme {
namespace {

using support::ReadFile;

constexpr char kUrl[] = "https://ca.test/dir";

class StorageTest : public testing::Test {
 protected:
  mode_t ModeOf(const std::string& path) const {
    struct stat facts {};
    EXPECT_EQ(stat(path.c_str(), &facts), 0) << path;
    return facts.st_mode & 0777;
  }

  support::TempDir dir_;
  const std::string folder_ = dir_.Path("store");
  const Storage storage_{folder_};
};

TEST_F(StorageTest, TheFolderIsMadeForUsAlone) {
  ASSERT_TRUE(storage_.Prepare().ok());
  EXPECT_EQ(ModeOf(folder_), 0700u);
  EXPECT_TRUE(storage_.Prepare().ok()) << "and is there the next time";
}

TEST_F(StorageTest, AFolderThatCannotBeIsToldWithItsName) {
  const absl::Status above = Storage(dir_.Path("no/store")).Prepare();
  EXPECT_NE(std::string(above.message()).find("no/store: cannot be made: No such"),
            std::string::npos);
  const absl::Status file = Storage(dir_.Write("file", "")).Prepare();
  EXPECT_NE(std::string(file.message()).find("is no folder"), std::string::npos);
}

TEST_F(StorageTest, AnAccountIsReadAsItWasWritten) {
  ASSERT_TRUE(storage_.Prepare().ok());
  EXPECT_TRUE(absl::IsNotFound(storage_.ReadAccount(kUrl).status()));
  Account account{.key = pool::SigningKey::Make(), .url = {}};
  ASSERT_TRUE(storage_.WriteAccount(kUrl, account).ok());
  EXPECT_EQ(storage_.ReadAccount(kUrl)->url, "") << "its key is kept before it is known";
  account.url = "https://ca.test/account/1";
  ASSERT_TRUE(storage_.WriteAccount(kUrl, account).ok());
  const auto read = storage_.ReadAccount(kUrl);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->url, account.url);
  EXPECT_EQ(read->key.Pem(), account.key.Pem());
  EXPECT_TRUE(absl::IsNotFound(storage_.ReadAccount("https://other.test/dir").status()))
      << "an authority's is no other's";
}

TEST_F(StorageTest, AnAccountThatCannotBeReadIsNotReplaced) {
  ASSERT_TRUE(storage_.Prepare().ok());
  ASSERT_TRUE(storage_.WriteAccount(kUrl, {.key = pool::SigningKey::Make(), .url = {}}).ok());
  // The one file that is there.
  const std::string path = folder_ + "/account-" + [] {
    std::string hex;
    for (const unsigned char c : pool::Sha256(kUrl).substr(0, 8)) {
      constexpr char kDigits[] = "0123456789abcdef";
      hex += kDigits[c >> 4];
      hex += kDigits[c & 15];
    }
    return hex;
  }() + ".pem";
  EXPECT_EQ(ModeOf(path), 0600u);
  EXPECT_EQ(ReadFile(path).rfind("directory: https://ca.test/dir\n", 0), 0u) << "for people";
  dir_.Write(path.substr(dir_.Path("").size()), "garbage");
  const absl::Status status = storage_.ReadAccount(kUrl).status();
  EXPECT_FALSE(status.ok() || absl::IsNotFound(status)) << status;
}

TEST_F(StorageTest, ACertificateAndItsKeyAreOneFile) {
  ASSERT_TRUE(storage_.Prepare().ok());
  ASSERT_TRUE(storage_.WriteCertificate(kUrl, "a.test", "chain", "key\n").ok());
  EXPECT_EQ(ReadFile(folder_ + "/a.test@ca.test-3f0f069f.pem"), "chain\nkey\n");
  EXPECT_EQ(ModeOf(folder_ + "/a.test@ca.test-3f0f069f.pem"), 0600u);
  dir_.Write("store/a.test@ca.test-3f0f069f.pem.new", "left by one that was killed");
  ASSERT_TRUE(storage_.WriteCertificate(kUrl, "a.test", "next\n", "key\n").ok());
  EXPECT_EQ(ReadFile(folder_ + "/a.test@ca.test-3f0f069f.pem"), "next\nkey\n");
  struct stat facts {};
  EXPECT_NE(stat((folder_ + "/a.test@ca.test-3f0f069f.pem.new").c_str(), &facts), 0);
}

TEST_F(StorageTest, WhatCannotBeWrittenLeavesWhatWas) {
  const absl::Status status = storage_.WriteCertificate(kUrl, "a.test", "chain", "key");
  EXPECT_NE(std::string(status.message()).find("a.test@ca.test-3f0f069f.pem.new: cannot be made"),
            std::string::npos);
}

TEST_F(StorageTest, OneHasTheLockUntilItLetsGo) {
  ASSERT_TRUE(storage_.Prepare().ok());
  absl::StatusOr<pool::FileDescriptor> first = storage_.TryLock();
  ASSERT_TRUE(first.ok() && first->valid());
  absl::StatusOr<pool::FileDescriptor> second = Storage(folder_).TryLock();
  ASSERT_TRUE(second.ok());
  EXPECT_FALSE(second->valid());
  first->Reset();
  second = storage_.TryLock();
  EXPECT_TRUE(second->valid());
  EXPECT_FALSE(Storage(dir_.Path("none")).TryLock().ok());
}

TEST_F(StorageTest, AProofIsWhatWasWrittenLast) {
  EXPECT_EQ(storage_.ReadProof(), "") << "without a folder";
  ASSERT_TRUE(storage_.Prepare().ok());
  EXPECT_EQ(storage_.ReadProof(), "");
  ASSERT_TRUE(storage_.WriteProof("proof\n").ok());
  EXPECT_EQ(Storage(folder_).ReadProof(), "proof\n");
  EXPECT_EQ(ModeOf(folder_ + "/proof"), 0600u);
  ASSERT_TRUE(storage_.WriteProof("").ok());
  EXPECT_EQ(storage_.ReadProof(), "");
}

TEST_F(StorageTest, WhoIsAloneKnowsIt) {
  EXPECT_FALSE(storage_.ShowPresence().ok()) << "without a folder";
  ASSERT_TRUE(storage_.Prepare().ok());
  const absl::StatusOr<pool::FileDescriptor> one = storage_.ShowPresence();
  ASSERT_TRUE(one.ok());
  EXPECT_TRUE(Storage::IsAlone(*one));
  {
    const absl::StatusOr<pool::FileDescriptor> other = Storage(folder_).ShowPresence();
    ASSERT_TRUE(other.ok());
    EXPECT_FALSE(Storage::IsAlone(*one));
    EXPECT_FALSE(Storage::IsAlone(*other));
  }
  EXPECT_TRUE(Storage::IsAlone(*one)) << "and is there again";
  EXPECT_TRUE(Storage::IsAlone(*one));
}

}  // namespace
}  // namespace holdfast::acme
