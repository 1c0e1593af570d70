# A CMake tool-chain file that builds Horovod as C++17, and without XLA.
#
# Horovod 0.28.1 sets CMAKE_CXX_STANDARD to 14; the headers of torch 2.1 and later need C++17. Flags
# from outside come before "-std=c++14" on the command line and lose, so this file changes what
# "14" is spelled like. CMake reads it twice: as the tool-chain file, too early for these settings,
# and through CMAKE_PROJECT_INCLUDE right after project(), when the compiler's own are known.
set(CMAKE_PROJECT_INCLUDE "${CMAKE_CURRENT_LIST_FILE}")
set(CMAKE_CXX14_STANDARD_COMPILE_OPTION "-std=c++17")
set(CMAKE_CXX14_EXTENSION_COMPILE_OPTION "-std=gnu++17")
# Without -g: a wheel of 1 MB, and a faster build.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -DNDEBUG")

# Of the sources of Horovod's part for TensorFlow, the operations for XLA need headers that
# TensorFlow's packages do not ship any more (xla/printer.h includes highwayhash). Only a network
# that is compiled by XLA (jit_compile=True) uses them. CMake does not compile a header.
function(leave_out_xla)
  if(TARGET tensorflow)
    set_source_files_properties("${CMAKE_SOURCE_DIR}/horovod/tensorflow/xla_mpi_ops.cc"
      TARGET_DIRECTORY tensorflow PROPERTIES HEADER_FILE_ONLY TRUE)
  endif()
endfunction()
if(PROJECT_NAME STREQUAL "horovod")
  cmake_language(DEFER CALL leave_out_xla) # when the targets are known
endif()
