// Raw images, formats by their first bytes, locks and temporary overlays.
#include "test/unit/block/support.h"

using namespace ringfold;
using namespace ringfold::block;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

TEST_CASE("a raw image is its file") {
    Folder folder;
    std::mt19937 random(1);
    Bytes bytes = random_bytes(random, 8192);
    const std::string path = folder.file("disk", bytes);
    {
        auto image = open(path);
        CHECK(image->size() == 8192);
        CHECK_FALSE(image->read_only());
        CHECK(read_all(*image) == bytes);
        const Bytes piece = random_bytes(random, 1000);
        image->write(3000, piece);
        image->flush();
        std::copy(piece.begin(), piece.end(), bytes.begin() + 3000);
        CHECK(read_all(*image) == bytes);
    }
    CHECK(contents(path) == bytes);
}

TEST_CASE("a raw image of an odd size ends in a whole sector") {
    Folder folder;
    std::mt19937 random(2);
    Bytes bytes = random_bytes(random, 1000);
    const std::string path = folder.file("odd", bytes);
    auto image = open(path, "raw");
    REQUIRE(image->size() == 1024);
    bytes.resize(1024);
    CHECK(read_all(*image) == bytes);
    image->write(1023, Bytes{7});
    bytes[1023] = 7;
    CHECK(read_all(*image) == bytes);
    CHECK(contents(path) == bytes);
}

TEST_CASE("what cannot be an image is refused in one line") {
    Folder folder;
    const auto refused = [](const std::string& path, const std::string& format = "", bool read_only = false) {
        const std::string line = refusal({.path = path, .format = format, .read_only = read_only, .option = "-hda x"});
        CHECK_THAT(line, StartsWith("-hda x: "));
        CHECK(line.find('\n') == std::string::npos);
        return line;
    };
    CHECK_THAT(refused(folder / "missing"), Contains("No such file"));
    CHECK_THAT(refused(folder.file("empty", {})), Contains("empty"));
    CHECK_THAT(refused(folder / ""), Contains("directory"));
    CHECK_THAT(refused(folder / "", "raw", true), Contains("neither a file"));
    CHECK_THAT(refused("/dev/null"), Contains("neither a file"));
    CHECK_THAT(refused(folder.file("vmdk", {'K', 'D', 'M', 'V', 0})), Contains("vmdk"));
    CHECK_THAT(refused(folder.file("raw", Bytes(512)), "vdi"), Contains("vdi"));
    CHECK_THAT(refused(folder.file("raw", Bytes(512)), "qcow2"), Contains("not a qcow2"));
    CHECK_THAT(refused(folder.file("raw", Bytes(512)), "zip"), Contains("known are raw, qcow2 and, by qemu-nbd, bochs"));
}

TEST_CASE("a guest cannot turn a guessed raw image into another format") {
    Folder folder;
    const std::string path = folder.file("disk", Bytes(4096));
    const Bytes magic{'Q', 'F', 'I', 0xfb, 0, 0, 0, 3};
    {
        auto image = open(path);
        CHECK_THROWS_AS(image->write(0, magic), IoFailure);
        image->write(0, Bytes{'Q', 'F'});
        CHECK_THROWS_AS(image->write(2, Bytes{'I', 0xfb}), IoFailure);
        CHECK_THROWS_AS(image->write(1, Bytes{'F', 'I', 0xfb}), IoFailure);
        image->write(512, magic);
    }
    open(path, "raw")->write(0, magic);
    CHECK(contents(path)[3] == 0xfb);
}

TEST_CASE("an image has one writer or many readers") {
    Folder folder;
    const std::string path = folder.file("disk", Bytes(65536));
    const OpenRequest writer{.path = path, .format = "raw", .option = "-hda x"};
    OpenRequest reader = writer, snapshot = writer;
    reader.read_only = true;
    snapshot.snapshot = true;
    {
        auto image = open_image(writer);
        for (const OpenRequest& second : {writer, reader, snapshot})
            CHECK_THAT(refusal(second), Contains("uses this image"));
        CHECK_THAT(shell("qemu-io -f raw -c 'write 0 512' " + path).output, Contains("lock"));
    }
    {
        auto one = open_image(reader), two = open_image(reader), three = open_image(snapshot);
        CHECK_THAT(refusal(writer), Contains("uses this image"));
        CHECK_THAT(shell("qemu-io -f raw -c 'write 0 512' " + path).output, Contains("lock"));
        CHECK_THAT(shell("qemu-io -r -f raw -c 'read 0 512' " + path).output, Contains("read 512/512"));
    }
    CHECK(refusal(writer).empty());
}

TEST_CASE("a snapshot takes the writes and leaves the image alone") {
    Folder folder;
    std::mt19937 random(3);
    Bytes bytes = random_bytes(random, 300 * 512);
    const std::string path = folder.file("disk", bytes);
    const Bytes before = bytes;
    auto image = open_image({.path = path, .format = "raw", .snapshot = true, .option = "-hda x"});
    REQUIRE_FALSE(image->read_only());
    CHECK(read_all(*image) == bytes);
    for (int i = 0; i < 50; i++) {
        const size_t at = random() % bytes.size();
        const Bytes piece = random_bytes(random, random() % (bytes.size() - at));
        image->write(at, piece);
        std::copy(piece.begin(), piece.end(), bytes.begin() + static_cast<long>(at));
    }
    image->flush();
    CHECK(read_all(*image) == bytes);
    CHECK(contents(path) == before);
}

TEST_CASE("an image that may not be written") {
    Folder folder;
    const std::string path = folder.file("disk", Bytes(512));
    auto image = open_image({.path = path, .read_only = true, .option = "-hda x"});
    CHECK(image->read_only());
    CHECK_THROWS_AS(image->write(0, Bytes{1}), IoFailure);
    image->flush();
}
