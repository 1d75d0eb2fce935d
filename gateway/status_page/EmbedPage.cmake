# cmake -D OUTPUT=file.cc -D "FILES=status.html;status.js" -P EmbedPage.cmake
#
# Writes a source file that defines one string per file: status.html becomes
# topgun::gateway::embedded::status_html. status_page.cc declares them.
set(text "// Generated from gateway/status_page by EmbedPage.cmake.\n#include <string_view>\n\n")
string(APPEND text "namespace topgun::gateway::embedded {\n")
foreach(file IN LISTS FILES)
  cmake_path(GET file FILENAME name)
  string(REPLACE "." "_" name ${name})
  file(READ ${file} source)
  string(APPEND text "extern const std::string_view ${name};\n")
  string(APPEND text "const std::string_view ${name} = R\"page(${source})page\";\n")
endforeach()
string(APPEND text "}  // namespace topgun::gateway::embedded\n")
file(WRITE ${OUTPUT} "${text}")
