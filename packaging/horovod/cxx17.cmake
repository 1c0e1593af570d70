# A CMake tool-chain file that builds Horovod as C++17.
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
