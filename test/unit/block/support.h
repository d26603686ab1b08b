// Image files for tests, and qemu-img as the judge of them.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "vmm/base/result.h"
#include "vmm/block/open_image.h"

namespace ringfold::block {

using Bytes = std::vector<uint8_t>;

// A folder that goes with the test.
class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "ringfold-test-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()));
        path_ = name;
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    std::string file(const std::string& name, const Bytes& bytes) const {
        std::ofstream(*this / name, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        return *this / name;
    }

private:
    std::string path_;
};

struct Shell {
    int status;
    std::string output;
};

inline Shell shell(const std::string& command) {
    FILE* pipe = popen((command + " 2>&1").c_str(), "r");
    REQUIRE(pipe);
    std::string output;
    char buffer[4096];
    while (const size_t n = fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, n);
    return {pclose(pipe), output};
}

inline void must(const std::string& command) {
    const Shell done = shell(command);
    CAPTURE(command, done.output);
    REQUIRE(done.status == 0);
}

inline Bytes random_bytes(std::mt19937& random, size_t n) {
    Bytes bytes(n);
    for (uint8_t& b : bytes) b = static_cast<uint8_t>(random());
    return bytes;
}

inline Bytes contents(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(in), {});
}

inline Bytes read_all(BlockBackend& image) {
    Bytes all(image.size());
    image.read(0, all);
    return all;
}

inline std::unique_ptr<BlockBackend> open(const std::string& path, const std::string& format = "") {
    return open_image({.path = path, .format = format, .option = "-hda " + path});
}

// Writes at random, here and in the model.
inline void scribble(BlockBackend& image, Bytes& model, std::mt19937& random, int count, size_t longest) {
    for (int i = 0; i < count; i++) {
        const size_t at = random() % model.size();
        const Bytes piece = random_bytes(random, std::min<size_t>(random() % longest + 1, model.size() - at));
        image.write(at, piece);
        std::copy(piece.begin(), piece.end(), model.begin() + static_cast<long>(at));
        if (random() % 8 == 0) {
            const size_t from = random() % model.size();
            Bytes back(std::min<size_t>(random() % longest, model.size() - from));
            image.read(from, back);
            REQUIRE(std::equal(back.begin(), back.end(), model.begin() + static_cast<long>(from)));
        }
    }
}

// What the user reads when it cannot be opened.
inline std::string refusal(const OpenRequest& request) {
    try {
        open_image(request);
    } catch (const HostError& e) {
        return e.what();
    }
    return "";
}

}  // namespace ringfold::block
