// Formats that qemu-nbd serves, with qemu-img as the judge of what is left.
#include <cstdlib>

#include "test/unit/block/support.h"

using namespace ringfold;
using namespace ringfold::block;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

TEST_CASE("foreign formats: random writes, against a model and qemu-img") {
    const auto [format, said] = GENERATE(table<std::string, bool>({
        {"vmdk", false}, {"vdi", false}, {"vhdx", false}, {"vpc", true}, {"qed", false}, {"qcow", false}, {"parallels", true}}));
    CAPTURE(format);
    Folder folder;
    const std::string path = folder / "disk, 1";  // a comma is not the end of it
    must("qemu-img create -q -f " + format + " '" + path + "' 20M");
    std::mt19937 random(3);
    size_t bytes = 0;
    {
        auto image = open(path, said ? format : "");
        CHECK(image->format() == format);
        CHECK_FALSE(image->read_only());
        bytes = image->size();
        REQUIRE(bytes >= 20 << 20);
    }
    Bytes model(bytes);
    {
        auto image = open(path, format);
        scribble(*image, model, random, 40, 200000);
        image->flush();
        CHECK_THAT(refusal({.path = path, .format = format, .option = "-hda x"}), StartsWith("-hda x: ") && Contains("lock"));
    }
    REQUIRE(read_all(*open(path, format)) == model);
    must("qemu-img compare -q -f raw -F " + format + " " + folder.file("model", model) + " '" + path + "'");
    CHECK_THROWS_AS(open_image({.path = path, .format = format, .read_only = true, .option = "x"})->write(0, Bytes(512)), IoFailure);
}

TEST_CASE("foreign formats: one below a qcow2 image") {
    Folder folder;
    must("cd " + (folder / "") + " && qemu-img create -q -f vmdk below 4M && qemu-img create -q -f qcow2 -b below -F vmdk above");
    Bytes model(4 << 20);
    std::mt19937 random(4);
    scribble(*open(folder / "below"), model, random, 10, 100000);
    scribble(*open(folder / "above"), model, random, 10, 100000);
    CHECK(read_all(*open(folder / "above")) == model);
}

TEST_CASE("foreign formats: what cannot be opened is one line") {
    Folder folder;
    const std::string path = folder / "disk";
    must("qemu-img create -q -f vdi " + path + " 4M");
    const auto line = [&] {
        const std::string text = refusal({.path = path, .option = "-hda x"});
        CHECK_THAT(text, StartsWith("-hda x: "));
        CHECK(text.find('\n') == std::string::npos);
        return text;
    };
    const std::string before = getenv("PATH");
    setenv("PATH", "/nowhere", 1);
    CHECK_THAT(line(), Contains("install qemu-utils"));
    setenv("PATH", before.c_str(), 1);
    Bytes bytes = contents(path);
    std::fill(bytes.begin() + 68, bytes.begin() + 200, uint8_t{0xff});
    folder.file("disk", bytes);
    CHECK_THAT(line(), Contains("as vdi"));
}
