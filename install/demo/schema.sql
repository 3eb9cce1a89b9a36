-- A journal-and-diary database as a vendor might have made it; our own invention, not anybody's schema.
-- One text for both engines: words in capitals after a column's name are turned into types by schema.py.
-- Many organisations live in one database: each table begins with the organisation's code, numbers are given per organisation.
-- All times are the school's local time; ChangedAt is the server's own stamp of the row's last change, to the millisecond.

CREATE TABLE Organisations (
    OrgCode CODE NOT NULL, ParentCode CODE, KindCode INTEGER NOT NULL, FullName WORDS NOT NULL, ShortName WORDS, Number WORDS,
    Inn WORDS, Ogrn WORDS, Oktmo WORDS, PostAddress WORDS, Phones WORDS, Email WORDS, Site WORDS, DirectorName WORDS,
    StatusCode INTEGER NOT NULL, Relays INTEGER, MaxOccupancy INTEGER, BankAccount WORDS, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode)
) KEYED;

CREATE TABLE SchoolYears (
    OrgCode CODE NOT NULL, YearId INTEGER NOT NULL, Name WORDS NOT NULL, StartDate DAY NOT NULL, EndDate DAY NOT NULL,
    ClosedFlag FLAG NOT NULL, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, YearId)
) KEYED;

CREATE TABLE Terms (
    OrgCode CODE NOT NULL, TermId INTEGER NOT NULL, YearId INTEGER NOT NULL, TermKind INTEGER NOT NULL, Name WORDS NOT NULL,
    Ordinal INTEGER NOT NULL, StartDate DAY NOT NULL, EndDate DAY NOT NULL, Parallel INTEGER, ProfileName WORDS,
    ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, TermId)
) KEYED;

CREATE TABLE Classes (
    OrgCode CODE NOT NULL, ClassId INTEGER NOT NULL, YearId INTEGER NOT NULL, Parallel INTEGER NOT NULL, Letter WORDS NOT NULL,
    ProfileName WORDS, ClassType WORDS, CurriculumKind INTEGER NOT NULL, EmployeeId INTEGER, HeadcountSept20 INTEGER,
    Relay INTEGER NOT NULL, Room WORDS, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, ClassId)
) KEYED;

CREATE TABLE SubjectAreas (
    OrgCode CODE NOT NULL, AreaId INTEGER NOT NULL, Name WORDS NOT NULL, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, AreaId)
) KEYED;

CREATE TABLE Subjects (
    OrgCode CODE NOT NULL, SubjectId INTEGER NOT NULL, AreaId INTEGER, Name WORDS NOT NULL, Code WORDS, GradingKind INTEGER NOT NULL,
    ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, SubjectId)
) KEYED;

CREATE TABLE SubjectGroups (
    OrgCode CODE NOT NULL, GroupId INTEGER NOT NULL, YearId INTEGER NOT NULL, SubjectId INTEGER, Name WORDS NOT NULL,
    GroupKind INTEGER NOT NULL, HoursPerWeek AMOUNT, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, GroupId)
) KEYED;

CREATE TABLE GroupClasses (
    OrgCode CODE NOT NULL, GroupId INTEGER NOT NULL, ClassId INTEGER NOT NULL,
    PRIMARY KEY (OrgCode, GroupId, ClassId)
) KEYED;

CREATE TABLE People (
    OrgCode CODE NOT NULL, PersonId GUID NOT NULL, LastName WORDS NOT NULL, FirstName WORDS NOT NULL, Patronymic WORDS,
    BirthDate DAY, SexCode INTEGER, Snils WORDS, PassportNo WORDS, HomeAddress WORDS, MobilePhone WORDS, PhotoPath WORDS,
    ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, PersonId)
) KEYED;

CREATE TABLE Students (
    OrgCode CODE NOT NULL, StudentId INTEGER NOT NULL, PersonId GUID NOT NULL, FileNumber WORDS, StudyForm INTEGER NOT NULL,
    HealthGroup INTEGER, SportGroup WORDS, FamilyStatus WORDS, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, StudentId)
) KEYED;

CREATE TABLE Parents (
    OrgCode CODE NOT NULL, ParentId INTEGER NOT NULL, PersonId GUID NOT NULL, ContactPhone WORDS, ContactEmail WORDS,
    Workplace WORDS, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, ParentId)
) KEYED;

CREATE TABLE Kinship (
    OrgCode CODE NOT NULL, KinshipId INTEGER NOT NULL, ParentId INTEGER NOT NULL, StudentId INTEGER NOT NULL, RelationCode INTEGER,
    CanView FLAG NOT NULL, FromDate DAY, ToDate DAY, CourtBan FLAG NOT NULL, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, KinshipId)
) KEYED;

CREATE TABLE Employees (
    OrgCode CODE NOT NULL, EmployeeId INTEGER NOT NULL, PersonId GUID NOT NULL, Position WORDS, Category WORDS, HiredOn DAY,
    FiredOn DAY, Salary AMOUNT, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, EmployeeId)
) KEYED;

CREATE TABLE GroupTeachers (
    OrgCode CODE NOT NULL, GroupTeacherId INTEGER NOT NULL, YearId INTEGER NOT NULL, EmployeeId INTEGER NOT NULL,
    GroupId INTEGER NOT NULL, FromDate DAY, ToDate DAY, Substitute FLAG NOT NULL, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, GroupTeacherId)
) KEYED;

CREATE TABLE ClassStudents (
    OrgCode CODE NOT NULL, ClassStudentId INTEGER NOT NULL, YearId INTEGER NOT NULL, StudentId INTEGER NOT NULL,
    ClassId INTEGER NOT NULL, FromDate DAY NOT NULL, ToDate DAY, DecreeInId INTEGER, DecreeOutId INTEGER, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, ClassStudentId)
) KEYED;

CREATE TABLE GroupStudents (
    OrgCode CODE NOT NULL, GroupId INTEGER NOT NULL, StudentId INTEGER NOT NULL, YearId INTEGER NOT NULL, FromDate DAY NOT NULL,
    ToDate DAY, ExemptFlag FLAG NOT NULL, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, GroupId, StudentId)
) KEYED;

CREATE TABLE BellTimes (
    OrgCode CODE NOT NULL, BellCode WORDS NOT NULL, Weekday INTEGER NOT NULL, Relay INTEGER NOT NULL, Number INTEGER NOT NULL,
    StartTime CLOCK NOT NULL, EndTime CLOCK NOT NULL, VariantName WORDS,
    PRIMARY KEY (OrgCode, BellCode)
) KEYED;

CREATE TABLE Timetable (
    OrgCode CODE NOT NULL, TimetableId INTEGER NOT NULL, YearId INTEGER NOT NULL, GroupId INTEGER NOT NULL, Weekday INTEGER NOT NULL,
    BellCode WORDS NOT NULL, Room WORDS, FromDate DAY, ToDate DAY, WeekParity INTEGER NOT NULL, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, TimetableId)
) KEYED;

CREATE TABLE ClassMeetings (
    OrgCode CODE NOT NULL, MeetingId INTEGER NOT NULL, YearId INTEGER NOT NULL, GroupId INTEGER NOT NULL, MeetingDate DAY NOT NULL,
    Number INTEGER, Relay INTEGER, EmployeeId INTEGER, Topic WORDS, StateCode INTEGER, FilledAt STAMP, MeetingUrl WORDS,
    ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, MeetingId)
) KEYED;

CREATE TABLE AssignmentTypes (
    OrgCode CODE NOT NULL, TypeId INTEGER NOT NULL, Name WORDS NOT NULL, Abbr WORDS, SortOrder INTEGER, ActiveFlag FLAG NOT NULL,
    PRIMARY KEY (OrgCode, TypeId)
) KEYED;

CREATE TABLE Assignments (
    OrgCode CODE NOT NULL, AssignmentId INTEGER NOT NULL, YearId INTEGER NOT NULL, MeetingId INTEGER NOT NULL, TypeId INTEGER NOT NULL,
    Title WORDS, Description WORDS, Weight AMOUNT NOT NULL, IssuedOn DAY NOT NULL, DueDate DAY, MandatoryFlag FLAG NOT NULL,
    PublishedAt STAMP, DeletedFlag FLAG NOT NULL, FileCount INTEGER NOT NULL, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, AssignmentId)
) KEYED;

CREATE TABLE Marks (
    OrgCode CODE NOT NULL, MarkId INTEGER NOT NULL, YearId INTEGER NOT NULL, AssignmentId INTEGER NOT NULL, StudentId INTEGER NOT NULL,
    Ordinal INTEGER NOT NULL, KindCode INTEGER NOT NULL, MarkValue AMOUNT, MarkText WORDS, OwnWeight AMOUNT, Comment WORDS,
    SetAt STAMP NOT NULL, EditedAt STAMP, EmployeeId INTEGER, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, MarkId)
) KEYED;

CREATE TABLE Attendance (
    OrgCode CODE NOT NULL, MeetingId INTEGER NOT NULL, StudentId INTEGER NOT NULL, YearId INTEGER NOT NULL, CodeSubmitted WORDS,
    CodeCorrected WORDS, MinutesLate INTEGER, MarkedAt STAMP NOT NULL, NoteText WORDS, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, MeetingId, StudentId)
) KEYED;

CREATE TABLE PeriodResults (
    OrgCode CODE NOT NULL, ResultId INTEGER NOT NULL, YearId INTEGER NOT NULL, StudentId INTEGER NOT NULL, GroupId INTEGER NOT NULL,
    TermId INTEGER NOT NULL, ResultKind INTEGER NOT NULL, KindCode INTEGER NOT NULL, MarkValue AMOUNT, MarkText WORDS, SetAt STAMP,
    ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, ResultId)
) KEYED;

CREATE TABLE Decrees (
    OrgCode CODE NOT NULL, DecreeId INTEGER NOT NULL, YearId INTEGER NOT NULL, Number WORDS, DecreeDate DAY, EffectiveDate DAY NOT NULL,
    KindCode INTEGER NOT NULL, ReasonCode INTEGER, NoteText WORDS, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, DecreeId)
) KEYED;

CREATE TABLE DecreeLines (
    OrgCode CODE NOT NULL, DecreeLineId INTEGER NOT NULL, YearId INTEGER NOT NULL, DecreeId INTEGER NOT NULL,
    StudentId INTEGER NOT NULL, FromClassId INTEGER, ToClassId INTEGER, FromOrg WORDS, ToOrg WORDS, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, DecreeLineId)
) KEYED;

CREATE TABLE Announcements (
    OrgCode CODE NOT NULL, AnnouncementId INTEGER NOT NULL, Title WORDS NOT NULL, Body WORDS, PostedAt STAMP NOT NULL,
    ExpiresAt STAMP, EmployeeId INTEGER, Audience WORDS, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, AnnouncementId)
) KEYED;

-- Append-only: what was done in the journal, deletions included. MarkId, MeetingId and StudentId outlive the rows that they name.
CREATE TABLE JournalLog (
    OrgCode CODE NOT NULL, LogId INTEGER NOT NULL, YearId INTEGER NOT NULL, MeetingId INTEGER, MarkId INTEGER, StudentId INTEGER,
    EmployeeId INTEGER, ActionCode INTEGER NOT NULL, LoggedAt STAMP NOT NULL, OldValue WORDS, NewValue WORDS, Workstation WORDS,
    ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, LogId)
) KEYED;

CREATE TABLE LoginSessions (
    OrgCode CODE NOT NULL, SessionId INTEGER NOT NULL, PersonId GUID NOT NULL, LoginName WORDS, RoleName WORDS, LoginAt STAMP NOT NULL,
    LastAccessAt STAMP, IpAddress WORDS, ChangedAt MOMENT NOT NULL,
    PRIMARY KEY (OrgCode, SessionId)
) KEYED;

CREATE INDEX SchoolYears_Changed ON SchoolYears (OrgCode, ChangedAt, YearId);
CREATE INDEX SubjectAreas_Changed ON SubjectAreas (OrgCode, ChangedAt, AreaId);
CREATE INDEX Subjects_Changed ON Subjects (OrgCode, ChangedAt, SubjectId);
CREATE INDEX Subjects_Area ON Subjects (OrgCode, AreaId);
CREATE INDEX Classes_Changed ON Classes (OrgCode, ChangedAt, ClassId);
CREATE INDEX SubjectGroups_Changed ON SubjectGroups (OrgCode, ChangedAt, GroupId);
CREATE INDEX People_Changed ON People (OrgCode, ChangedAt, PersonId);
CREATE INDEX Students_Changed ON Students (OrgCode, ChangedAt, StudentId);
CREATE INDEX Parents_Changed ON Parents (OrgCode, ChangedAt, ParentId);
CREATE INDEX Kinship_Changed ON Kinship (OrgCode, ChangedAt, KinshipId);
CREATE INDEX Employees_Changed ON Employees (OrgCode, ChangedAt, EmployeeId);
CREATE INDEX GroupTeachers_Changed ON GroupTeachers (OrgCode, ChangedAt, GroupTeacherId);
CREATE INDEX ClassStudents_Changed ON ClassStudents (OrgCode, ChangedAt, ClassStudentId);
CREATE INDEX GroupStudents_Changed ON GroupStudents (OrgCode, ChangedAt, GroupId, StudentId);
CREATE INDEX Timetable_Changed ON Timetable (OrgCode, ChangedAt, TimetableId);
CREATE INDEX ClassMeetings_Changed ON ClassMeetings (OrgCode, ChangedAt, MeetingId);
CREATE INDEX Assignments_Changed ON Assignments (OrgCode, ChangedAt, AssignmentId);
CREATE INDEX Marks_Changed ON Marks (OrgCode, ChangedAt, MarkId);
CREATE INDEX Attendance_Changed ON Attendance (OrgCode, ChangedAt, MeetingId, StudentId);
CREATE INDEX PeriodResults_Changed ON PeriodResults (OrgCode, ChangedAt, ResultId);
CREATE INDEX Decrees_Changed ON Decrees (OrgCode, ChangedAt, DecreeId);
CREATE INDEX DecreeLines_Changed ON DecreeLines (OrgCode, ChangedAt, DecreeLineId);
CREATE INDEX Announcements_Changed ON Announcements (OrgCode, ChangedAt, AnnouncementId);
CREATE INDEX JournalLog_Changed ON JournalLog (OrgCode, ChangedAt, LogId);
CREATE INDEX LoginSessions_Changed ON LoginSessions (OrgCode, ChangedAt, SessionId);

CREATE INDEX Assignments_Meeting ON Assignments (OrgCode, MeetingId);
CREATE INDEX Marks_Assignment ON Marks (OrgCode, AssignmentId);

CREATE INDEX ClassMeetings_Date ON ClassMeetings (OrgCode, MeetingDate, MeetingId);
CREATE INDEX Assignments_Issued ON Assignments (OrgCode, IssuedOn, AssignmentId);
CREATE INDEX Marks_Set ON Marks (OrgCode, SetAt, MarkId);
CREATE INDEX Attendance_Marked ON Attendance (OrgCode, MarkedAt, MeetingId, StudentId);
CREATE INDEX Decrees_Effective ON Decrees (OrgCode, EffectiveDate, DecreeId);
CREATE INDEX Announcements_Posted ON Announcements (OrgCode, PostedAt, AnnouncementId);
CREATE INDEX JournalLog_Logged ON JournalLog (OrgCode, LoggedAt, LogId);
CREATE INDEX LoginSessions_Login ON LoginSessions (OrgCode, LoginAt, SessionId);
