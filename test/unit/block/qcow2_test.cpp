// qcow2 images: random operations against a plain model, with qemu-img as the judge of what is left, and images made by
// qemu-img with all that it can put into one.
#include <signal.h>

#include <fmt/format.h>
#include <sys/resource.h>

#include "test/unit/block/support.h"

using namespace ringfold;
using namespace ringfold::block;
using Catch::Matchers::Contains;

namespace {

void check(const std::string& path) {
    must("qemu-img check -q -f qcow2 " + path);
}

// That qemu-img reads the same bytes.
void compare(const Folder& folder, const std::string& path, const Bytes& model) {
    must("qemu-img compare -q -f raw -F qcow2 " + folder.file("model", model) + " " + path);
}

}  // namespace

TEST_CASE("qcow2: random writes, against a model and qemu-img") {
    const auto [options, kib, longest] = GENERATE(table<const char*, size_t, size_t>({
        {"", 20000, 300000},
        {"-o compat=0.10", 5000, 100000},
        {"-o cluster_size=512", 3000, 20000},  // the refcount table moves, again and again
        {"-o cluster_size=512,refcount_bits=64", 1500, 20000},
        {"-o cluster_size=512,refcount_bits=1", 3000, 20000},
        {"-o cluster_size=1k,refcount_bits=2", 3000, 20000},
        {"-o cluster_size=4k,refcount_bits=8", 5000, 100000},
        {"-o cluster_size=2M", 20001, 3000000},
        {"-o preallocation=metadata", 5000, 100000},
        {"-o lazy_refcounts=on", 5000, 100000},
    }));
    CAPTURE(options);
    Folder folder;
    const std::string path = folder / "disk";
    must(fmt::format("qemu-img create -q -f qcow2 {} {} {}k", options, path, kib));
    std::mt19937 random(static_cast<unsigned>(kib));
    Bytes model(kib * 1024);
    for (int round = 0; round < 3; round++) {
        auto image = open(path);
        REQUIRE(image->size() == model.size());
        scribble(*image, model, random, 60, longest);
        REQUIRE(read_all(*image) == model);
        image.reset();
        check(path);
        compare(folder, path, model);
    }
}

TEST_CASE("qcow2: what is not there comes from the backing file") {
    const std::string backing_format = GENERATE("raw", "qcow2");
    Folder folder;
    std::mt19937 random(5);
    Bytes model = random_bytes(random, 700 * 1024);
    folder.file("plain", model);
    must("qemu-img convert -f raw -O " + backing_format + " " + (folder / "plain") + " " + (folder / "base"));
    const Bytes base = contents(folder / "base");
    must(
        fmt::format("cd {} && qemu-img create -q -f qcow2 -b base -F {} middle 900k && qemu-img create -q -f qcow2 -b "
                    "middle -F qcow2 top 800k",
                    folder / "", backing_format));
    model.resize(800 * 1024);
    auto image = open(folder / "top");
    REQUIRE(read_all(*image) == model);
    scribble(*image, model, random, 30, 90000);
    REQUIRE(read_all(*image) == model);
    image.reset();
    check(folder / "top");
    compare(folder, folder / "top", model);
    CHECK(contents(folder / "base") == base);
}

TEST_CASE("qcow2: compressed clusters and zero clusters are read, and replaced when written") {
    const size_t cluster = GENERATE(512u, 65536u, 2097152u);
    Folder folder;
    std::mt19937 random(6);
    Bytes model(3000 * 1024);
    // Half of it compresses, half does not.
    for (size_t i = 0; i < model.size(); i++) model[i] = static_cast<uint8_t>(i / 8192 % 2 ? random() : i / 100);
    folder.file("plain", model);
    must(fmt::format("qemu-img convert -c -f raw -O qcow2 -o cluster_size={} {} {}", cluster, folder / "plain",
                     folder / "disk"));
    must("qemu-io -f qcow2 -c 'write -z 1M 200k' -c 'write -z -u 2M 100k' " + (folder / "disk"));
    std::fill_n(model.begin() + (1 << 20), 200 * 1024, uint8_t{0});
    std::fill_n(model.begin() + (2 << 20), 100 * 1024, uint8_t{0});
    auto image = open(folder / "disk");
    REQUIRE(read_all(*image) == model);
    scribble(*image, model, random, 60, 100000);
    REQUIRE(read_all(*image) == model);
    image.reset();
    check(folder / "disk");
    compare(folder, folder / "disk", model);
}

TEST_CASE("qcow2: internal snapshots keep what they hold") {
    Folder folder;
    std::mt19937 random(7);
    const std::string path = folder / "disk";
    must("qemu-img create -q -f qcow2 -o cluster_size=4k " + path + " 2M");
    Bytes model(2 << 20);
    scribble(*open(path), model, random, 60, 60000);
    must("qemu-img snapshot -c one " + path);
    const Bytes one = model;
    scribble(*open(path), model, random, 60, 60000);
    check(path);
    compare(folder, path, model);
    must("qemu-img snapshot -c two " + path);
    must("qemu-img snapshot -a one " + path);
    compare(folder, path, one);
    REQUIRE(read_all(*open(path)) == one);
    must("qemu-img snapshot -a two " + path);
    REQUIRE(read_all(*open(path)) == model);
    must("qemu-img snapshot -d one " + path + " && qemu-img snapshot -d two " + path);
    check(path);
}

TEST_CASE("qcow2: images that need what is not supported, or repair, are refused") {
    Folder folder;
    const std::string path = folder / "disk";
    const auto refused = [&](const std::string& options) {
        must("qemu-img create -q -f qcow2 " + options + " " + path + " 1M");
        return refusal({.path = path, .option = "-hda x"});
    };
    CHECK_THAT(refused("-o extended_l2=on"), Contains("extended L2"));
    CHECK_THAT(refused("-o data_file=" + (folder / "data")), Contains("external data file"));
    CHECK_THAT(refused("-o compression_type=zstd"), Contains("zstd"));
    CHECK(refused("-o lazy_refcounts=on").empty());
    Bytes bytes = contents(path);
    constexpr size_t kCryptMethod = 35, kLuks = 2, kIncompatibleFeatures = 79;  // the last byte of each field
    bytes[kCryptMethod] = kLuks;
    folder.file("disk", bytes);
    CHECK_THAT(refusal({.path = path, .option = "-hda x"}), Contains("encryption"));
    bytes[kCryptMethod] = 0;
    bytes[kIncompatibleFeatures] |= 1;
    folder.file("disk", bytes);
    CHECK_THAT(refusal({.path = path, .option = "-hda x"}), Contains("qemu-img check -r"));
    CHECK(refusal({.path = path, .read_only = true, .option = "-hda x"}).empty());
}

TEST_CASE("qcow2: backing chains that cannot be") {
    Folder folder;
    const auto create = [&](const std::string& name, const std::string& backing) {
        must("cd " + (folder / "") + " && qemu-img create -q -u -f qcow2 -b '" + backing + "' -F qcow2 " + name +
             " 1M");
    };
    const auto refused = [&](const std::string& name) { return refusal({.path = folder / name, .option = "-hda x"}); };
    create("self", "./self");
    CHECK_THAT(refused("self"), Contains("comes back to itself"));
    create("a", "b");
    create("b", "c");
    create("c", "./a");
    CHECK_THAT(refused("a"), Contains("comes back to itself"));
    create("lost", "nowhere");
    CHECK_THAT(refused("lost"), Contains("backing file") && Contains("No such file"));
    create("net", "nbd://localhost/x");
    CHECK_THAT(refused("net"), Contains("not a plain file"));
    create("chain0", "end");
    must("qemu-img create -q -f qcow2 " + (folder / "end") + " 1M");
    for (int i = 1; i < 66; i++) create(fmt::format("chain{}", i), fmt::format("chain{}", i - 1));
    CHECK_THAT(refused("chain65"), Contains("more than 64"));
    CHECK(refused("chain50").empty());
}

TEST_CASE("qcow2: a full disk fails the write, and leaves a good image") {
    const std::string options = GENERATE("", "-o cluster_size=512");
    Folder folder;
    std::mt19937 random(9);
    const std::string path = folder / "disk";
    must("qemu-img create -q -f qcow2 " + options + " " + path + " 8M");
    // The file may not grow beyond this, which the tests' process would otherwise be told by a signal.
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    const auto old_handler = signal(SIGXFSZ, SIG_IGN);
    Bytes model(8 << 20);
    int failures = 0;
    {
        auto image = open(path);
        const rlimit limit{1 << 20, before.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
        for (size_t at = 0; at < model.size(); at += 65536) {
            const Bytes piece = random_bytes(random, 65536);
            try {
                image->write(at, piece);
                std::copy(piece.begin(), piece.end(), model.begin() + static_cast<long>(at));
            } catch (const IoFailure&) {
                failures++;
                image->read(at, std::span(model).subspan(at, 65536));  // whatever part of it was done
            }
        }
        setrlimit(RLIMIT_FSIZE, &before);
        // There is room again.
        const Bytes piece = random_bytes(random, 65536);
        image->write(7 << 20, piece);
        std::copy(piece.begin(), piece.end(), model.begin() + (7 << 20));
        CHECK(read_all(*image) == model);
    }
    signal(SIGXFSZ, old_handler);
    CHECK(failures > 50);
    must("qemu-img check -q -f qcow2 " + path + " || [ $? = 3 ]");  // 3: clusters that nobody uses
    compare(folder, path, model);
}

// Whatever the tables say: an error or some bytes, but no crash, and no endless loop.
TEST_CASE("qcow2: damaged at random") {
    Folder folder;
    std::mt19937 random(8);
    const std::string source = folder / "source", path = folder / "disk";
    must("qemu-img create -q -f qcow2 -o cluster_size=512 " + source + " 300k");
    Bytes model(300 * 1024);
    scribble(*open(source), model, random, 20, 20000);
    const Bytes good = contents(source);
    int refusals = 0, failures = 0;
    for (int i = 0; i < 1500; i++) {
        CAPTURE(i);
        Bytes bad = good;
        const size_t range = i % 3 == 0 ? 112 : i % 3 == 1 ? 8192 : bad.size();
        for (unsigned n = random() % 4 + 1; n > 0; n--) {
            const size_t at = random() % range;
            if (random() % 2)
                bad[at] = static_cast<uint8_t>(random());
            else
                for (size_t k = at; k < std::min(at + 8, bad.size()); k++)
                    bad[k] = static_cast<uint8_t>(random() % 2 ? 0xff : random());
        }
        if (random() % 5 == 0) bad.resize(random() % bad.size() + 1);
        folder.file("disk", bad);
        try {
            auto image = open(path, "qcow2");
            // A size that the L1 table allows may still be huge.
            Bytes buffer(std::min<uint64_t>(image->size(), 400 * 1024));
            for (int k = 0; k < 20; k++) {
                const size_t at = random() % buffer.size(), n = random() % (buffer.size() - at) % 30000;
                try {
                    if (random() % 2)
                        image->read(at, std::span(buffer).subspan(at, n));
                    else
                        image->write(at, std::span(buffer).subspan(at, n));
                } catch (const IoFailure&) {
                    failures++;
                }
            }
        } catch (const HostError& e) {
            CHECK_THAT(e.what(), Catch::Matchers::StartsWith("-hda "));
            refusals++;
        }
    }
    CHECK(refusals > 100);
    CHECK(failures > 100);
}
