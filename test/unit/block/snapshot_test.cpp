// Snapshots inside qcow2 images: made, applied and removed at random between random writes, with qemu-img as the judge.
#include "test/unit/block/support.h"

using namespace ringfold::block;

namespace {

constexpr size_t kDisk = 24 << 20;

void write_somewhere(std::mt19937& random, BlockBackend& image, Bytes& model) {
    const size_t sectors = 1 + random() % 300, at = random() % (kDisk / 512 - sectors) * 512;
    const Bytes bytes = random_bytes(random, sectors * 512);
    image.write(at, bytes);
    std::ranges::copy(bytes, model.begin() + static_cast<long>(at));
}

}  // namespace

TEST_CASE("qcow2: snapshots at random, against a model and qemu-img") {
    const std::string options = GENERATE("cluster_size=64k", "cluster_size=4k", "cluster_size=65536,compat=0.10",
                                         "cluster_size=512,refcount_bits=64");
    Folder folder;
    const std::string path = folder / "disk.qcow2";
    must("qemu-img create -q -f qcow2 -o " + options + " " + path + " " + std::to_string(kDisk));
    std::mt19937 random(Catch::rngSeed());
    CAPTURE(options, Catch::rngSeed());
    struct Taken {
        std::string name;
        Bytes disk, state;
    };
    std::vector<Taken> taken;
    Bytes model(kDisk);
    auto image = open(path);
    SnapshotStore* store = image->snapshots();
    REQUIRE(store);
    const auto id_of = [&](const std::string& name) {
        for (const SnapshotInfo& info : store->list())
            if (info.name == name) return info.id;
        FAIL(name);
        return std::string();
    };
    for (int step = 0; step < 40; ++step) {
        for (unsigned n = random() % 4; n-- > 0;) write_somewhere(random, *image, model);
        const unsigned what = random() % 8;
        if (what < 3) {
            Taken t{"s" + std::to_string(step), model, random_bytes(random, random() % 300'000)};
            store->create({.name = t.name, .date_seconds = 1'700'000'000}, t.state);
            taken.push_back(std::move(t));
        } else if (what < 5 && !taken.empty()) {
            const Taken& t = taken[random() % taken.size()];
            CHECK(store->read_state(id_of(t.name)) == t.state);
            store->apply(id_of(t.name));
            model = t.disk;
        } else if (what == 5 && !taken.empty()) {
            const size_t n = random() % taken.size();
            store->remove(id_of(taken[n].name));
            taken.erase(taken.begin() + static_cast<long>(n));
        } else if (what == 6) {
            image.reset();
            must("qemu-img check -q " + path);
            image = open(path);
            store = image->snapshots();
        }
        REQUIRE(store->list().size() == taken.size());
    }
    REQUIRE(read_all(*image) == model);
    image.reset();
    must("qemu-img check -q " + path);
    for (const Taken& t : taken) {
        CHECK(shell("qemu-img snapshot -l " + path).output.find(t.name) != std::string::npos);
        must("qemu-img snapshot -a " + t.name + " " + path);
        CHECK(read_all(*open(path)) == t.disk);
    }
    must("qemu-img check -q " + path);
    for (const Taken& t : taken) must("qemu-img snapshot -d " + t.name + " " + path);
    must("qemu-img check -q " + path);
}

TEST_CASE("qcow2: what qemu-img has taken is listed, applied and removed") {
    Folder folder;
    const std::string path = folder / "disk.qcow2";
    must("qemu-img create -q -f qcow2 " + path + " 8M");
    must("qemu-io -f qcow2 -c 'write -P 1 0 1M' " + path);
    must("qemu-img snapshot -c first " + path);
    must("qemu-io -f qcow2 -c 'write -P 2 0 2M' " + path);
    auto image = open(path);
    SnapshotStore& store = *image->snapshots();
    REQUIRE(store.list().size() == 1);
    CHECK(store.list()[0].name == "first");
    CHECK(store.list()[0].state_bytes == 0);
    store.apply(store.list()[0].id);
    Bytes start(2 << 20);
    image->read(0, start);
    CHECK(std::ranges::count(start, 1) == 1 << 20);
    CHECK(std::ranges::count(start, 0) == 1 << 20);
    store.remove(store.list()[0].id);
    CHECK(store.list().empty());
    CHECK_THROWS_AS(store.apply("1"), IoFailure);
    image.reset();
    must("qemu-img check -q " + path);
}

TEST_CASE("qcow2: snapshots of images damaged at random fail, and nothing else") {
    Folder folder;
    const std::string path = folder / "disk.qcow2";
    must("qemu-img create -q -f qcow2 -o cluster_size=4k " + path + " 4M");
    {
        auto image = open(path);
        std::mt19937 random(1);
        image->write(0, random_bytes(random, 200'000));
        image->snapshots()->create({.name = "s"}, random_bytes(random, 50'000));
    }
    const Bytes good = contents(path);
    std::mt19937 random(Catch::rngSeed());
    CAPTURE(Catch::rngSeed());
    for (int n = 0; n < 300; ++n) {
        Bytes bad = good;
        for (unsigned k = 1 + random() % 8; k-- > 0;)
            bad[random() % 2 ? random() % 112 : random() % bad.size()] = static_cast<uint8_t>(random());
        if (random() % 8 == 0) bad.resize(random() % bad.size());
        folder.file("disk.qcow2", bad);
        try {
            auto image = open(path);
            SnapshotStore* store = image->snapshots();
            if (!store) continue;  // what it says it is can be damaged too
            for (const SnapshotInfo& info : store->list()) {
                store->read_state(info.id);
                store->apply(info.id);
                store->create({.name = "t"}, Bytes(10'000));
                store->remove(info.id);
            }
        } catch (const IoFailure&) {
        } catch (const ringfold::HostError&) {
        }
    }
}

TEST_CASE("qcow2: a name that is too long for the list of snapshots leaves the image as it is") {
    Folder folder;
    const std::string path = folder / "disk.qcow2";
    must("qemu-img create -q -f qcow2 " + path + " 1M");
    {
        auto image = open(path);
        CHECK_THROWS_AS(image->snapshots()->create({.name = std::string(70'000, 'n')}, {}), IoFailure);
        image->snapshots()->create({.name = std::string(65'535, 'n')}, {});
        CHECK(image->snapshots()->list().size() == 1);
    }
    must("qemu-img check -q " + path);
}
