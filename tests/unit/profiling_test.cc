#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/thread_name.h"
#include "function_name.h"
#include "profiling/cpu_sampler.h"
#include "profiling/heap.h"
#include "profiling/pprof.h"
#include "profiling/symbolizer.h"
#include "profiling/thread_stacks.h"
#include "sample_buffer.h"

namespace topgun::profiling {

// Not in the anonymous namespace: the linker knows one of them only.
[[gnu::noinline]] double BurnForTheSampler(std::atomic<bool>& stop) {
  double value = 1;
  while (!stop.load(std::memory_order_relaxed)) value = std::sqrt(value + 2);
  return value;
}

[[gnu::noinline]] void WaitForTheTest(std::mutex& mutex, std::condition_variable& changed,
                                      bool& waiting, const bool& stop) {
  std::unique_lock lock(mutex);
  waiting = true;
  changed.notify_all();
  changed.wait(lock, [&] { return stop; });
}

namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::Field;
using testing::HasSubstr;
using testing::SizeIs;

[[gnu::always_inline]] inline uint64_t AddressInlinedHere() {
  uint64_t address = 0;
#if defined(__x86_64__)
  asm volatile("lea 0(%%rip), %0" : "=r"(address));
#elif defined(__aarch64__)
  asm volatile("adr %0, ." : "=r"(address));
#endif
  return address;
}

[[gnu::noinline]] uint64_t AddressInStaticFunction() { return AddressInlinedHere(); }

// Runs BurnForTheSampler() on a thread of its own until it has used some CPU time.
class Burner {
 public:
  Burner()
      : thread_([this] {
          NameThread("burner");
          result_ = BurnForTheSampler(stop_);
        }) {}
  ~Burner() {
    stop_ = true;
    thread_.join();
  }
  void WaitForCpuTime(double seconds) {
    clockid_t clock{};
    ASSERT_EQ(pthread_getcpuclockid(thread_.native_handle(), &clock), 0);
    timespec used{};
    do {
      std::this_thread::yield();
      clock_gettime(clock, &used);
    } while (static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9 < seconds);
  }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<double> result_{0};
  std::thread thread_;
};

// The fields of a protobuf message: numbers as text, everything else as its bytes.
std::multimap<uint64_t, std::string> Decode(std::string_view bytes) {
  const auto varint = [&] {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes.front());
      bytes.remove_prefix(1);
      value |= uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return value;
    }
  };
  std::multimap<uint64_t, std::string> fields;
  while (!bytes.empty()) {
    const uint64_t key = varint();
    if (key % 8 == 0) {
      fields.emplace(key / 8, std::to_string(varint()));
    } else {
      const uint64_t size = varint();
      fields.emplace(key / 8, bytes.substr(0, size));
      bytes.remove_prefix(size);
    }
  }
  return fields;
}

std::vector<std::string> All(const std::multimap<uint64_t, std::string>& fields, uint64_t number) {
  std::vector<std::string> values;
  for (auto [at, end] = fields.equal_range(number); at != end; ++at) values.push_back(at->second);
  return values;
}

TEST(FunctionName, LeavesOutParametersAndTemplateArguments) {
  EXPECT_EQ(FunctionName("_ZN6topgun7gateway4Loop4TickEv"), "topgun::gateway::Loop::Tick");
  EXPECT_EQ(FunctionName("main"), "main");
  EXPECT_EQ(ShortenName("std::vector<int, std::allocator<int> >::push_back(int const&)"),
            "std::vector::push_back");
  EXPECT_EQ(ShortenName("void a::Run<b::Fn<void ()> >(b::Fn<void ()>)"), "a::Run");
  EXPECT_EQ(ShortenName("topgun::(anonymous namespace)::Work(char const*) const"),
            "topgun::(anonymous namespace)::Work");
  EXPECT_EQ(ShortenName("a::B::Start(int)::{lambda(int)#1}::operator()(int) const"),
            "a::B::Start::{lambda#1}::operator()");
  EXPECT_EQ(ShortenName("std::ostream& operator<< <char>(std::ostream&, char)"), "operator<<");
  EXPECT_EQ(ShortenName("a::B::Get(int) const::{lambda()#2}::operator()() const"),
            "a::B::Get::{lambda#2}::operator()");
  EXPECT_EQ(ShortenName("a::Text[abi:cxx11](int)"), "a::Text");
  EXPECT_EQ(ShortenName("bool operator< <int>(A<int> const&, A<int> const&)"), "operator<");
}

TEST(SymbolizerTest, KnowsFunctionFileAndLineOfStaticAndInlinedFunctions) {
  const uint64_t address = AddressInStaticFunction();
  Symbolizer symbolizer;
  const std::vector<Frame> frames = symbolizer.Resolve(address);
  ASSERT_THAT(frames, SizeIs(2));
  EXPECT_THAT(frames[0].function, EndsWith("AddressInlinedHere"));
  EXPECT_THAT(frames[1].function, EndsWith("(anonymous namespace)::AddressInStaticFunction"));
  for (const Frame& frame : frames) {
    EXPECT_THAT(frame.file, EndsWith("tests/unit/profiling_test.cc"));
    EXPECT_GT(frame.line, 30);
  }
}

TEST(SymbolizerTest, NamesWhatNobodyKnows) {
  Symbolizer symbolizer;
  const std::vector<Frame> frames = symbolizer.Resolve(8);
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_EQ(frames[0].function, "[unknown]");
}

TEST(SymbolizerTest, NamesWhatTheLibraryChoseForThisMachine) {
  void* const code = dlsym(RTLD_DEFAULT, "memchr");
  ASSERT_NE(code, nullptr);
  Symbolizer symbolizer;
  EXPECT_THAT(symbolizer.Resolve(reinterpret_cast<uint64_t>(code) + 1).back().function,
              HasSubstr("memchr"));
}

TEST(SymbolizerTest, TellsLambdasApart) {
  const auto lambda = [] { return AddressInlinedHere(); };
  Symbolizer symbolizer;
  EXPECT_THAT(symbolizer.Resolve(lambda()).back().function, HasSubstr("lambda"));
}

TEST(CpuSamplerTest, FindsTheFunctionThatBurns) {
  Burner burner;
  burner.WaitForCpuTime(0.01);  // it has its name by now
  auto sampler = CpuSampler::Start({.samples_per_second = 1000});
  ASSERT_TRUE(sampler.ok()) << ToString(sampler.status());
  burner.WaitForCpuTime(0.2);
  const Profile profile = (*sampler)->Stop();
  EXPECT_EQ((*sampler)->dropped(), 0);
  Symbolizer symbolizer;
  int64_t found = 0;
  for (const Sample& sample : profile.samples) {
    if (sample.thread != "burner") continue;
    for (const uint64_t address : sample.addresses) {
      if (symbolizer.Resolve(address).back().function != "topgun::profiling::BurnForTheSampler")
        continue;
      found += sample.values[0];
      EXPECT_EQ(sample.values[1], sample.values[0] * 1'000'000);
      break;
    }
  }
  EXPECT_GT(found, 0);
}

TEST(CpuSamplerTest, FollowsThreadsThatBeginLater) {
  auto sampler = CpuSampler::Start({.samples_per_second = 1000});
  ASSERT_TRUE(sampler.ok());
  Burner burner;
  burner.WaitForCpuTime(0.01);  // it has its name by now
  (*sampler)->FollowThreads();
  burner.WaitForCpuTime(0.2);
  EXPECT_THAT((*sampler)->Stop().samples, Contains(Field(&Sample::thread, "burner")));
}

TEST(CpuSamplerTest, AllowsOneAtATime) {
  auto first = CpuSampler::Start();
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(CpuSampler::Start().status().code(), StatusCode::kFailedPrecondition);
  (*first)->Stop();
  EXPECT_TRUE(CpuSampler::Start().ok());
}

TEST(ThreadStacks, ShowThreadsThatWait) {
  std::mutex mutex;
  std::condition_variable changed;
  bool waiting = false;
  bool stop = false;
  std::thread thread([&] {
    NameThread("waiter");
    WaitForTheTest(mutex, changed, waiting, stop);
  });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return waiting; });
  }
  const auto stacks = ReadThreadStacks();
  {
    const std::lock_guard lock(mutex);
    stop = true;
  }
  changed.notify_all();
  thread.join();
  ASSERT_TRUE(stacks.ok()) << ToString(stacks.status());
  const auto waiter = std::find_if(stacks->begin(), stacks->end(),
                                   [](const ThreadStack& stack) { return stack.name == "waiter"; });
  ASSERT_NE(waiter, stacks->end());
  Symbolizer symbolizer;
  std::vector<std::string> functions;
  for (const uint64_t address : waiter->addresses) {
    functions.push_back(symbolizer.Resolve(address).back().function);
  }
  EXPECT_THAT(functions, Contains(HasSubstr("WaitForTheTest")));
}

TEST(ThreadStacks, CannotBeReadDuringAProfile) {
  const auto sampler = CpuSampler::Start();
  ASSERT_TRUE(sampler.ok());
  EXPECT_EQ(ReadThreadStacks().status().code(), StatusCode::kFailedPrecondition);
}

TEST(CpuSamplerTest, CountsWhatFindsNoRoom) {
  Burner burner;
  auto sampler = CpuSampler::Start({.samples_per_second = 1000, .buffer_bytes = 256});
  ASSERT_TRUE(sampler.ok());
  burner.WaitForCpuTime(0.5);
  const Profile profile = (*sampler)->Stop();
  EXPECT_GT((*sampler)->dropped(), 0);
  EXPECT_THAT(profile.comments, Contains(HasSubstr("found no room")));
}

TEST(SampleBufferTest, GivesBackWhatManyThreadsHaveAdded) {
  SampleBuffer buffer(size_t{1} << 20);
  ASSERT_TRUE(buffer.usable());
  std::vector<std::thread> threads;
  for (int id = 0; id < 4; ++id) {
    threads.emplace_back([&buffer, id] {
      for (uint32_t i = 1; i <= 100; ++i) {
        const std::vector<uint64_t> stack(i % 5 + 1, static_cast<uint64_t>(id));
        buffer.Add(id, i, stack.data(), stack.size());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::map<int, uint32_t> weights;
  buffer.ForEach([&](const SampleBuffer::Record& record) {
    EXPECT_EQ(record.depth, record.weight % 5 + 1);
    EXPECT_EQ(record.addresses[record.depth - 1], static_cast<uint64_t>(record.thread));
    weights[record.thread] += record.weight;
  });
  EXPECT_EQ(weights, (std::map<int, uint32_t>{{0, 5050}, {1, 5050}, {2, 5050}, {3, 5050}}));
}

TEST(Heap, ScalesSamplesToWhatTheyStandFor) {
  const auto profile = ParseHeapSample(
      "heap profile:      3:  1049576 [     3:  1049576] @ heap_v2/524288\n"
      "     1:  1048576 [     1:  1048576] @ 0x11 0x21\n"
      "     1:      500 [     1:      500] @ 0x31\n"
      "     1:      500 [     1:      500] @ 0x31\n");
  ASSERT_TRUE(profile.ok()) << ToString(profile.status());
  EXPECT_EQ(profile->period, 524288);
  ASSERT_THAT(profile->samples, SizeIs(2));
  // Twice the period: nearly always sampled. Much less: each stands for a period.
  EXPECT_THAT(profile->samples[0].addresses, ElementsAre(0x10, 0x20));
  EXPECT_THAT(profile->samples[0].values, ElementsAre(1, 1212697));
  EXPECT_THAT(profile->samples[1].addresses, ElementsAre(0x30));
  EXPECT_THAT(profile->samples[1].values, ElementsAre(2098, 1049076));
}

TEST(Heap, RefusesWhatIsNoSample) {
  EXPECT_FALSE(ParseHeapSample("").ok());
  EXPECT_FALSE(ParseHeapSample("%warn sampling turned off\n").ok());
  EXPECT_FALSE(ParseHeapSample("heap profile: 0: 0 [0: 0] @ heap_v2/0\n").ok());
  EXPECT_FALSE(ParseHeapSample("heap profile: 1: 1 [1: 1] @ heap_v2/9\nwhat\n").ok());
}

TEST(Heap, SaysWhyThereIsNone) {
  if (StartHeapSampling().ok()) {
    EXPECT_TRUE(HeapProfile().ok());
    EXPECT_GT(ReadHeapTotals()->allocated, 0);
  } else {
    EXPECT_EQ(HeapProfile().status().code(), StatusCode::kFailedPrecondition);
  }
}

TEST(Pprof, HoldsStacksNamesAndValues) {
  Profile profile;
  profile.types = {{"samples", "count"}, {"cpu", "nanoseconds"}};
  profile.period_type = {"cpu", "nanoseconds"};
  profile.period = 10'000'000;
  profile.duration_ns = 5;
  profile.comments = {"a comment"};
  const uint64_t address = AddressInStaticFunction();
  profile.samples = {{.addresses = {address, 8}, .values = {3, 300}, .thread = "loop-7"},
                     {.addresses = {address}, .values = {1, 100}}};
  Symbolizer symbolizer;
  const auto fields = Decode(EncodePprof(profile, symbolizer));

  const std::vector<std::string> texts = All(fields, 6);
  ASSERT_FALSE(texts.empty());
  EXPECT_EQ(texts[0], "");
  for (const char* const text : {"samples", "nanoseconds", "thread", "loop-7", "a comment"}) {
    EXPECT_THAT(texts, Contains(text));
  }
  EXPECT_THAT(texts, Contains(EndsWith("AddressInStaticFunction")));
  EXPECT_THAT(All(fields, 1), SizeIs(2));
  EXPECT_THAT(All(fields, 4), SizeIs(2));  // each address once
  EXPECT_EQ(All(fields, 12), std::vector<std::string>{"10000000"});
  const std::vector<std::string> samples = All(fields, 2);
  ASSERT_THAT(samples, SizeIs(2));
  EXPECT_EQ(Decode(samples[0]).find(1)->second, std::string("\x01\x02"));
  EXPECT_EQ(Decode(samples[0]).find(2)->second, std::string("\x03\xAC\x02"));
  EXPECT_THAT(All(Decode(samples[0]), 3), SizeIs(1));
  EXPECT_THAT(All(Decode(samples[1]), 3), SizeIs(0));
  // The first location has the inlined function and the one it is in.
  EXPECT_THAT(All(Decode(All(fields, 4)[0]), 4), SizeIs(2));
}

TEST(Pprof, IsCompressedAsReadersExpect) {
  const std::string packed = Gzip(std::string(10'000, 'x'));
  EXPECT_EQ(packed.substr(0, 2), "\x1f\x8b");
  EXPECT_LT(packed.size(), 1'000);
}

}  // namespace
}  // namespace topgun::profiling
