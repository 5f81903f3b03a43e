#pragma once
#include <string>

#include "distributed/mpi/functions.h"

namespace camber::distributed {

/// How this process was started, as its environment says.
struct Launch {
    int size = 1;           ///< processes that were started together
    int rank = 0;           ///< of this one
    std::string variable;   ///< that says so; empty: none
    bool by_slurm = false;  ///< by Slurm alone, without a word of MPI's
};
Launch launch();

/// Has OpenMP use this process's part of the machine's processors, where several were started on it and nothing says
/// otherwise (OMP_NUM_THREADS).
void share_processors();

/// MPI as this build was made with it: libcamber_mpi.so, named by CAMBER_MPI_LIBRARY, or beside the program, or where
/// it is installed. Throws Error saying why there is none.
const MpiFunctions& mpi();

}  // namespace camber::distributed
