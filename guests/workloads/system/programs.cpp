// Busybox at work: a shell script of a thousand commands, and gzip.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include <sys/wait.h>

#include "rows.h"

namespace {

constexpr char kText[] = "bench.text", kPacked[] = "bench.text.gz";
constexpr size_t kTextBytes = 32 << 20;

// A hundred turns of ten commands that are programs, among as many that the shell does itself.
constexpr char kScript[] = R"(
i=0; sum=0
while [ $i -lt 100 ]; do
    i=$((i + 1))
    echo "$i alpha beta" >bench.1
    a=$(expr $i + 1)
    b=$(basename /some/where/file$i)
    c=$(cut -d' ' -f2 bench.1)
    sed s/alpha/gamma/ bench.1 | tr a-z A-Z | sort >bench.2
    n=$(cat bench.2 | wc -c)
    head -n 1 bench.2 >bench.3
    rm bench.3
    sum=$((sum + a + n + ${#b} + ${#c}))
done
rm bench.1 bench.2
echo $sum
)";

// Runs a program with its standard input and output redirected; all must go well.
template <size_t N>
void run(const char* const (&arguments)[N], int input, int output) {
    const pid_t pid = fork();
    if (pid < 0) std::abort();
    if (pid == 0) {
        if (input >= 0) dup2(input, 0);
        dup2(output, 1);
        execvp(arguments[0], const_cast<char* const*>(arguments));
        _exit(127);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (status != 0) {
        std::printf(" %s failed with status %x\n", arguments[0], status);
        std::exit(1);
    }
}

int open_or_abort(const char* path, int flags) {
    const int fd = open(path, flags, 0600);
    if (fd < 0) std::abort();
    return fd;
}

}  // namespace

uint32_t shell_script() {
    int out[2];
    if (pipe(out)) std::abort();
    run({"sh", "-c", kScript, static_cast<const char*>(nullptr)}, -1, out[1]);
    close(out[1]);
    char text[32] = {};
    const bool read_it = read(out[0], text, sizeof text - 1) > 0;
    close(out[0]);
    return read_it ? uint32_t(std::atoi(text)) : 0;
}

// Words of a small language, which gzip packs to about a third.
void prepare_text() {
    Random random(9);
    std::string words[512];
    for (std::string& word : words)
        for (uint32_t n = 2 + random.next() % 8; n; --n) word += char('a' + random.next() % 26);
    std::string text;
    text.reserve(kTextBytes + 16);
    while (text.size() < kTextBytes) {
        const uint32_t r = random.next();
        text += words[r % 512 & (r >> 16)];
        text += r >> 28 ? ' ' : '\n';
    }
    FILE* file = std::fopen(kText, "wb");
    if (!file || std::fwrite(text.data(), 1, kTextBytes, file) != kTextBytes || std::fclose(file)) std::abort();
}

// The checksum and length with which the packed file ends, and its own length.
uint32_t gzip_text() {
    const int input = open_or_abort(kText, O_RDONLY), output = open_or_abort(kPacked, O_RDWR | O_CREAT | O_TRUNC);
    run({"gzip", "-c", static_cast<const char*>(nullptr)}, input, output);
    uint32_t tail[2] = {};
    const off_t size = lseek(output, 0, SEEK_END);
    if (size < 8 || pread(output, tail, sizeof tail, size - 8) != sizeof tail) std::abort();
    close(input);
    close(output);
    return tail[0] ^ tail[1] ^ uint32_t(size);
}
