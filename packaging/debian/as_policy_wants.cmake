# cpack runs this on the files that it has installed for a package. It arranges the copyright file, the changelog and
# compressed manuals as chapter 12 of Debian's policy requires.
if(NOT CPACK_GENERATOR STREQUAL "DEB")
  return()
endif()
file(GLOB_RECURSE pages "${CPACK_TEMPORARY_DIRECTORY}/usr/share/man/*.[1-8]")
set(doc "${CPACK_TEMPORARY_DIRECTORY}/usr/share/doc/scratchfs")
file(RENAME "${doc}/CHANGELOG.md" "${doc}/changelog")
file(REMOVE "${doc}/LICENSE")
file(COPY_FILE "${CMAKE_CURRENT_LIST_DIR}/copyright" "${doc}/copyright")
execute_process(COMMAND gzip -9 -n -- ${pages} "${doc}/changelog" COMMAND_ERROR_IS_FATAL ANY)
# The directory for the option files of scratchfs@.service.
file(MAKE_DIRECTORY "${CPACK_TEMPORARY_DIRECTORY}/etc/scratchfs")
