#include "load_reactor.h"

#include "async/await.h"

namespace topgun::storage {
namespace {

void Encode(const LoadedPage& page, v1::LoadMapChunk* chunk) {
  chunk->Clear();
  for (const LoadedPage::Cell& cell : page.cells) {
    chunk->mutable_keys()->append(cell.key);
    chunk->add_key_lengths(static_cast<uint32_t>(cell.key.size()));
    chunk->mutable_tags()->append(cell.tag);
    chunk->add_tag_lengths(static_cast<uint32_t>(cell.tag.size()));
    chunk->mutable_cells()->append(cell.cell);
    chunk->add_cell_lengths(static_cast<uint32_t>(cell.cell.size()));
  }
}

}  // namespace

std::shared_ptr<LoadReactor> LoadReactor::Make() {
  const std::shared_ptr<LoadReactor> reactor(new LoadReactor);
  reactor->self_ = reactor;
  return reactor;
}

awaitable<bool> LoadReactor::Write(LoadedPage page) {
  if (cancelled_) co_return false;
  Encode(page, &chunk_);
  auto start = [this](std::function<void(bool)> done) {
    write_done_ = std::move(done);
    StartWrite(&chunk_);
  };
  co_return co_await Await<bool>(start);
}

void LoadReactor::OnWriteDone(bool ok) {
  const std::function<void(bool)> done = std::move(write_done_);
  done(ok);
}

}  // namespace topgun::storage
