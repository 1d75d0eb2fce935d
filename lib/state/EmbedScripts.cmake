# cmake -D OUTPUT=file.cc -D "SCRIPTS=a.lua;b.lua" -P EmbedScripts.cmake
#
# Writes a source file that defines one string per script: hydrate_begin.lua becomes
# topgun::state::embedded::hydrate_begin. scripts.cc declares them.
set(text "// Generated from lib/state/scripts/*.lua by EmbedScripts.cmake.\n#include <string_view>\n\n")
string(APPEND text "namespace topgun::state::embedded {\n")
foreach(script IN LISTS SCRIPTS)
  cmake_path(GET script STEM name)
  file(READ ${script} source)
  string(APPEND text "extern const std::string_view ${name};\n")
  string(APPEND text "const std::string_view ${name} = R\"lua(${source})lua\";\n")
endforeach()
string(APPEND text "}  // namespace topgun::state::embedded\n")
file(WRITE ${OUTPUT} "${text}")
