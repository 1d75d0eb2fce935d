# Language level, warnings, hardening, sanitizers, linker and compiler cache for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g -fno-omit-frame-pointer")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1 -fno-omit-frame-pointer")

option(TOPGUN_FUZZ "Build the libFuzzer targets (needs clang)" OFF)
option(TOPGUN_COVERAGE "Compile with gcov counters" OFF)
set(TOPGUN_SANITIZE "" CACHE STRING "Sanitizers for every target, e.g. address,undefined")

add_compile_options(-fstack-protector-strong)
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" AND NOT TOPGUN_SANITIZE)
  add_compile_definitions(_FORTIFY_SOURCE=2)
endif()
if(TOPGUN_SANITIZE)
  add_compile_options(-fsanitize=${TOPGUN_SANITIZE} -fno-sanitize-recover=undefined)
  # Two checks at every access to memory take more than a third of the time to compile a file. A null
  # pointer ends in AddressSanitizer's report anyway, and our machines read unaligned integers.
  if(TOPGUN_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize=null,alignment)
  endif()
  add_link_options(-fsanitize=${TOPGUN_SANITIZE})
endif()
if(TOPGUN_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
if(TOPGUN_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Several files of a target compiled as one: headers and templates, most of the cost, are read once for
# all of them. OFF suits editing (one file, one cache entry, one compile command); CONTRIBUTING.md says more.
option(TOPGUN_UNITY "Compile the files of a target in batches" OFF)

find_program(TOPGUN_CCACHE ccache)
if(TOPGUN_CCACHE)
  # Paths relative to the checkout, so that a second checkout finds what the first one compiled.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${TOPGUN_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()
find_program(TOPGUN_LLD ld.lld)
if(TOPGUN_LLD)
  add_link_options(-fuse-ld=lld)
endif()
add_link_options(-Wl,-z,relro,-z,now)

# Our own code only; third-party headers come in as SYSTEM and generated code is exempt.
set(TOPGUN_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees overlapping copies in its own std::string (its bug 105651).
  list(APPEND TOPGUN_WARNINGS -Wno-restrict)
endif()
if(TOPGUN_UNITY)
  # In a batch every file looks like a header, where types of an anonymous namespace would be a mistake.
  list(APPEND TOPGUN_WARNINGS -Wno-subobject-linkage)
endif()
