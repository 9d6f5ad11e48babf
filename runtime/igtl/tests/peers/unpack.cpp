// Unpacks the messages of the standard input with the OpenIGTLink library for C++, checksums included, and
// prints what it finds. tests/fixtures/README.md says how it is built.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "igtlCapabilityMessage.h"
#include "igtlImageMessage.h"
#include "igtlPointMessage.h"
#include "igtlPolyDataMessage.h"
#include "igtlStatusMessage.h"
#include "igtlStringMessage.h"
#include "igtlTransformMessage.h"

static void print_matrix(const igtl::Matrix4x4& m)
{
  for (int row = 0; row < 4; row++)
    printf("  %g %g %g %g\n", m[row][0], m[row][1], m[row][2], m[row][3]);
}

static void print_cells(const char* name, igtl::PolyDataCellArray* cells)
{
  for (unsigned int i = 0; cells && i < cells->GetNumberOfCells(); i++)
    {
    std::vector<igtlUint32> cell(cells->GetCellSize(i));
    cells->GetCell(i, cell.data());
    printf("  %s", name);
    for (size_t k = 0; k < cell.size(); k++)
      printf(" %u", cell[k]);
    printf("\n");
    }
}

static void print(igtl::ImageMessage* image)
{
  int size[3], part[3], start[3];
  float spacing[3];
  igtl::Matrix4x4 matrix;
  image->GetDimensions(size);
  image->GetSubVolume(part, start);
  image->GetSpacing(spacing);
  image->GetMatrix(matrix);
  printf("  size %d %d %d part %d %d %d at %d %d %d\n", size[0], size[1], size[2], part[0], part[1],
         part[2], start[0], start[1], start[2]);
  printf("  scalar %d components %d endian %d coordinates %d spacing %g %g %g\n", image->GetScalarType(),
         image->GetNumComponents(), image->GetEndian(), image->GetCoordinateSystem(), spacing[0],
         spacing[1], spacing[2]);
  print_matrix(matrix);
  const unsigned char* bytes = (const unsigned char*)image->GetScalarPointer();
  printf("  bytes");
  for (int i = 0; i < image->GetImageSize(); i++)
    printf(" %02x", bytes[i]);
  printf("\n");
}

static void print(igtl::PointMessage* points)
{
  for (int i = 0; i < points->GetNumberOfPointElement(); i++)
    {
    igtl::PointElement::Pointer point;
    points->GetPointElement(i, point);
    igtlUint8 c[4];
    igtlFloat32 p[3];
    point->GetRGBA(c);
    point->GetPosition(p);
    printf("  '%s' '%s' %d %d %d %d at %g %g %g radius %g of '%s'\n", point->GetName(),
           point->GetGroupName(), c[0], c[1], c[2], c[3], p[0], p[1], p[2], point->GetRadius(),
           point->GetOwner());
    }
}

static void print(igtl::PolyDataMessage* data)
{
  igtl::PolyDataPointArray::Pointer points = data->GetPoints();
  for (int i = 0; points && i < points->GetNumberOfPoints(); i++)
    {
    igtlFloat32 p[3];
    points->GetPoint(i, p);
    printf("  point %g %g %g\n", p[0], p[1], p[2]);
    }
  print_cells("line", data->GetLines());
  print_cells("polygon", data->GetPolygons());
}

static void print(igtl::StringMessage* text)
{
  printf("  encoding %d '%s'\n", text->GetEncoding(), text->GetString());
}

static void print(igtl::StatusMessage* status)
{
  printf("  code %d sub-code %lld '%s' '%s'\n", status->GetCode(), (long long)status->GetSubCode(),
         status->GetErrorName(), status->GetStatusString());
}

static void print(igtl::TransformMessage* transform)
{
  igtl::Matrix4x4 matrix;
  transform->GetMatrix(matrix);
  print_matrix(matrix);
}

static void print(igtl::CapabilityMessage* capability)
{
  for (int i = 0; i < capability->GetNumberOfTypes(); i++)
    printf("  '%s'\n", capability->GetType(i));
}

template <class T>
static int unpack(igtl::MessageHeader* header)
{
  typename T::Pointer message = T::New();
  message->SetMessageHeader(header);
  message->AllocatePack();
  size_t size = message->GetPackBodySize();
  if (fread(message->GetPackBodyPointer(), 1, size, stdin) != size)
    return 1;
  if (size > 0 && !(message->Unpack(1) & igtl::MessageHeader::UNPACK_BODY))
    {
    printf("  not unpacked\n");
    return 1;
    }
  print(message.GetPointer());
#if OpenIGTLink_HEADER_VERSION >= 2
  if (message->GetHeaderVersion() >= 2)
    {
    printf("  id %u\n", message->GetMessageID());
    typedef igtl::MessageBase::MetaDataMap Map;
    const Map& map = message->GetMetaData();
    for (Map::const_iterator it = map.begin(); it != map.end(); ++it)
      printf("  '%s' = '%s' in %d\n", it->first.c_str(), it->second.second.c_str(), (int)it->second.first);
    }
#endif
  return 0;
}

int main()
{
  for (;;)
    {
    igtl::MessageHeader::Pointer header = igtl::MessageHeader::New();
    header->InitPack();
    size_t read = fread(header->GetPackPointer(), 1, header->GetPackSize(), stdin);
    if (read == 0)
      return 0;
    if (read != (size_t)header->GetPackSize())
      return 1;
    header->Unpack();
    igtl::TimeStamp::Pointer time = igtl::TimeStamp::New();
    header->GetTimeStamp(time);
    unsigned int seconds, nanoseconds;
    time->GetTimeStamp(&seconds, &nanoseconds);
    const std::string type = header->GetDeviceType();
    printf("%s '%s' %u.%09u s\n", type.c_str(), header->GetDeviceName(), seconds, nanoseconds);
    int failed = 0;
    if (type == "IMAGE") failed = unpack<igtl::ImageMessage>(header);
    else if (type == "POINT") failed = unpack<igtl::PointMessage>(header);
    else if (type == "STRING") failed = unpack<igtl::StringMessage>(header);
    else if (type == "STATUS") failed = unpack<igtl::StatusMessage>(header);
    else if (type == "TRANSFORM") failed = unpack<igtl::TransformMessage>(header);
    else if (type == "CAPABILITY") failed = unpack<igtl::CapabilityMessage>(header);
    else if (type == "POLYDATA") failed = unpack<igtl::PolyDataMessage>(header);
    else for (int left = header->GetBodySizeToRead(); left > 0 && !failed; left--) failed = getchar() == EOF;
    if (failed)
      return 1;
    }
}
