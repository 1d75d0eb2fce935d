# cmake -D OUTPUT=file.cc -D "MIGRATIONS=0001_a.sql;0002_b.sql" -P EmbedMigrations.cmake
#
# Writes the source file that defines topgun::pg::Migrations().
set(text "// Generated from storage-service/migrations/*.sql by EmbedMigrations.cmake.\n")
string(APPEND text "#include \"pg/migrations.h\"\n\nnamespace topgun::pg {\n\n")
string(APPEND text "const std::vector<Migration>& Migrations() {\n")
string(APPEND text "  static const std::vector<Migration> migrations = {\n")
foreach(migration IN LISTS MIGRATIONS)
  cmake_path(GET migration STEM name)
  if(NOT name MATCHES "^0*([1-9][0-9]*)_[a-z_]+$")
    message(FATAL_ERROR "${migration}: a migration is named <number>_<what>.sql")
  endif()
  set(version ${CMAKE_MATCH_1})
  file(READ ${migration} sql)
  string(APPEND text "      {${version}, \"${name}\", R\"sql(${sql})sql\"},\n")
endforeach()
string(APPEND text "  };\n  return migrations;\n}\n\n}  // namespace topgun::pg\n")
file(WRITE ${OUTPUT} "${text}")
